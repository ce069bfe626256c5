// StatedModel: what a model.yaml says of a TorchScript model, whose file has no types and shapes.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "tensor/signature.h"

namespace slipway::engine::torch_engine {

struct StatedModel {
  std::string method = "forward";
  tensor::Signature signature;
};

// What tensor::StatedSignature takes, and `extensions.torchscript.method`. INVALID_ARGUMENT /
// SIGNATURE_INVALID names the member; `file` is what people call the document.
Result<StatedModel> ParseStatedModel(std::string_view file, std::string_view text);

// The name in TorchScript code of an operator that reads or writes files of the code's own choice:
// "from_file"; empty where there is none. Whatever has such a name counts, so that no way of
// writing a call is overlooked. Pure.
std::string_view FileAccessIn(std::string_view code);

}  // namespace slipway::engine::torch_engine
