// ConfigText: config.pbtxt, a model configuration in protobuf's text format.
//
// Source: protobuf.dev, "Text Format Language Specification". Extensions, Any and unknown fields
// are refused.
#pragma once

#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace slipway::gateway::model_config {

// In the form of schema.h, with the members that the text has. INVALID_ARGUMENT / CONFIG_TEXT,
// which names line and column, also above the limits of gateway/limits.h.
Result<Json> ReadConfigText(std::string_view text);

}  // namespace slipway::gateway::model_config
