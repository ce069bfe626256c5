// Describe: the configuration of a model that is served, as Triton would tell it.
#pragma once

#include <optional>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "gateway/revision_runtime.h"

namespace slipway::gateway::model_config {

// In the form of schema.h: what the model's own configuration says, with what is true of the loaded
// model where that is known. `name` is what the client calls it.
Json Describe(const RevisionRuntime& revision, std::string_view name);

// Whether a configuration, in its own form, tells of inputs and outputs that the model has.
// INVALID_ARGUMENT / CONFIG_MISMATCH.
Result<void> CheckAgainst(const Json& config, const tensor::Signature& signature);

// The configuration of a revision: an empty object where it has none. INVALID_ARGUMENT /
// CONFIG_JSON, JSON_SYNTAX.
Result<Json> ConfigOf(const runtime::ServingRevision& settings);

// The type of "TYPE_FP32"; nothing for other words and for TYPE_INVALID.
std::optional<tensor::DataType> ParseTypeName(std::string_view name);

}  // namespace slipway::gateway::model_config
