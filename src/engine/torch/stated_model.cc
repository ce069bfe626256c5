#include "engine/torch/stated_model.h"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tensor/stated_signature.h"

namespace slipway::engine::torch_engine {
namespace {

Result<std::string> MethodOf(std::string_view file, const Json& json) {
  const Json::json_pointer at("/extensions/torchscript/method");
  if (!json.contains(at)) return StatedModel().method;
  const Json& method = json.at(at);
  if (method.is_string()) return method.get<std::string>();
  return InvalidArgument("SIGNATURE_INVALID",
                         std::string(file) + ": extensions.torchscript.method: expected a text");
}

bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

Result<StatedModel> ParseStatedModel(std::string_view file, std::string_view text) {
  TRY(document, tensor::ParseStatement(file, text));
  if (!document.contains("signature")) {
    return InvalidArgument("SIGNATURE_INVALID",
                           std::string(file) +
                               ": signature: expected inputs and outputs, each a list of {name, "
                               "dtype, shape}: a TorchScript file does not say the types and "
                               "shapes of its tensors");
  }
  StatedModel model;
  TRY(signature, tensor::StatedSignature(file, document));
  TRY(method, MethodOf(file, document));
  model.signature = std::move(signature);
  model.method = std::move(method);
  return model;
}

std::string_view FileAccessIn(std::string_view code) {
  constexpr std::array<std::string_view, 2> kWords = {"from_file", "save"};
  for (const std::string_view word : kWords) {
    for (size_t at = code.find(word); at != std::string_view::npos; at = code.find(word, at + 1)) {
      const size_t end = at + word.size();
      const bool whole =
          (at == 0 || !IsWord(code[at - 1])) && (end == code.size() || !IsWord(code[end]));
      if (whole) return word;
    }
  }
  return {};
}

}  // namespace slipway::engine::torch_engine
