// StatedModel: what a model.yaml says of a TorchScript model, whose file has no types and shapes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tensor/signature.h"

namespace slipway::engine::torch_engine {

struct StatedModel {
  std::string method = "forward";
  tensor::Signature signature;
};

inline constexpr std::string_view kStatementFiles[] = {"model.yaml", "model.json"};
inline constexpr size_t kMaxStatementBytes = 1 << 20;

// Of `signature.inputs[]` and `signature.outputs[]` {name, dtype, shape}, and of
// `extensions.torchscript.method`. Other members are not looked at. An output without a name is
// output_0 and so on, by its position. INVALID_ARGUMENT / SIGNATURE_INVALID names the member;
// `file` is what people call the document.
Result<StatedModel> ParseStatement(std::string_view file, std::string_view text);

// A document that was found, by the name that people know it by.
struct Statement {
  std::string file;
  std::string text;
};

// The first of kStatementFiles in the folder, empty where there is none. INVALID_ARGUMENT /
// SIGNATURE_INVALID for one above the limit or that cannot be read.
Result<Statement> ReadStatement(const std::filesystem::path& folder);

// The name in TorchScript code of an operator that reads or writes files of the code's own choice:
// "from_file"; empty where there is none. Whatever has such a name counts, so that no way of
// writing a call is overlooked. Pure.
std::string_view FileAccessIn(std::string_view code);

}  // namespace slipway::engine::torch_engine
