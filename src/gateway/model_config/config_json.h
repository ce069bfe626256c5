// ConfigJson: a model configuration as JSON, and as protobuf has it on the wire.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"

namespace slipway::gateway::model_config {

// What a client sent, in the form of schema.h. Names of members may be protobuf's own or those of
// its JSON (maxBatchSize), integers may be texts of digits, enumerators their numbers, and null is
// the same as absent. INVALID_ARGUMENT / CONFIG_JSON, which names the member.
Result<Json> ReadConfigJson(const Json& given);

// All members in the order of the table, those with defaults, too: what clients are shown. Messages
// that are not there, and choices that were not made, stay away.
Json WithDefaults(const Json& config);

// Appends it as an inference.ModelConfig.
void WriteConfigWire(const Json& config, std::string& out);

}  // namespace slipway::gateway::model_config
