// Where a service answers.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/contexts.h"

namespace slipway::cli {

// The address of a service's model at the context's data plane, of one of its revisions if
// `version` is not empty. FAILED_PRECONDITION / INFERENCE_MISSING for a context without one.
Result<std::string> ServiceUrl(const Context& context, std::string_view project,
                               std::string_view service, std::string_view version);

}  // namespace slipway::cli
