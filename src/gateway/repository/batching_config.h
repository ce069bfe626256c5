// How requests wait and share runs, as Triton's model configuration says it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "runtime/batching.h"

namespace slipway::gateway {

// Of `dynamic_batching`: nothing where the configuration has none, for then no requests share a
// run. Numbers above our limits are cut to these.
std::optional<runtime::BatchingSettings> BatchingOf(const Json& config);
// Its members that have no effect here, for a warning.
std::vector<std::string> BatchingWithoutEffect(const Json& config);

}  // namespace slipway::gateway
