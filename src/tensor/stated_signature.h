// What a model.yaml beside a model's file says of its tensors, for files that do not say it
// themselves (docs/formats/model-metadata.md). Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "tensor/signature.h"

namespace slipway::tensor {

inline constexpr std::string_view kStatementFiles[] = {"model.yaml", "model.json"};
inline constexpr size_t kMaxStatementBytes = 1 << 20;

// The document: an object. INVALID_ARGUMENT / SIGNATURE_INVALID; `file` is what people call it, and
// says by its ending whether it is JSON or YAML.
Result<Json> ParseStatement(std::string_view file, std::string_view text);

// Of its `signature.inputs[]` and `signature.outputs[]` {name, dtype, shape}. A tensor without a
// name is input_0 or output_0 and so on, by its position. Other members are not looked at.
// INVALID_ARGUMENT / SIGNATURE_INVALID names the member.
Result<Signature> StatedSignature(std::string_view file, const Json& document);

}  // namespace slipway::tensor
