// InputReader: one input object of a JSON request, into its tensor.
#pragma once

#include "base/result.h"
#include "gateway/v2/request_context.h"

namespace slipway::gateway::v2 {

Result<void> ReadInput(ondemand::object& object, RequestContext& context);

}  // namespace slipway::gateway::v2
