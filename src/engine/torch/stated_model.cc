#include "engine/torch/stated_model.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace slipway::engine::torch_engine {
namespace {

using tensor::DataType;

Error Wrong(std::string_view file, const std::string& member, const std::string& what) {
  return InvalidArgument("SIGNATURE_INVALID",
                         std::string(file) + ": signature" + member + ": " + what);
}

std::optional<DataType> TypeOf(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, DataType>, 17> kNumpy = {{
      {"bool", DataType::kBool},
      {"uint8", DataType::kUint8},
      {"uint16", DataType::kUint16},
      {"uint32", DataType::kUint32},
      {"uint64", DataType::kUint64},
      {"int8", DataType::kInt8},
      {"int16", DataType::kInt16},
      {"int32", DataType::kInt32},
      {"int64", DataType::kInt64},
      {"float16", DataType::kFp16},
      {"float32", DataType::kFp32},
      {"float64", DataType::kFp64},
      {"bfloat16", DataType::kBf16},
      {"string", DataType::kBytes},
      {"str", DataType::kBytes},
      {"bytes", DataType::kBytes},
      {"object", DataType::kBytes},
  }};
  const auto* const found =
      std::ranges::find(kNumpy, name, &std::pair<std::string_view, DataType>::first);
  return found == kNumpy.end() ? tensor::ParseDataType(name) : found->second;
}

Result<tensor::Shape> ShapeOf(std::string_view file, const std::string& member, const Json& json) {
  tensor::Shape shape;
  if (!json.is_array()) return Wrong(file, member, "expected a list of lengths, -1 for any");
  for (const Json& dim : json) {
    if (!dim.is_number_integer() || dim.get<int64_t>() < -1) {
      return Wrong(file, member, "expected lengths, -1 for any, got " + DumpJson(dim));
    }
    if (!shape.Append(dim.get<int64_t>())) {
      return Wrong(file, member,
                   "at most " + std::to_string(tensor::kMaxRank) + " dimensions are allowed");
    }
  }
  return shape;
}

Result<std::vector<tensor::TensorSpec>> TensorsOf(std::string_view file, const Json& signature,
                                                  const std::string& role) {
  std::vector<tensor::TensorSpec> specs;
  const auto list = signature.find(role + "s");
  if (list == signature.end() || !list->is_array()) {
    return Wrong(file, "." + role + "s", "expected a list of {name, dtype, shape}");
  }
  for (const Json& json : *list) {
    const std::string member = "." + role + "s[" + std::to_string(specs.size()) + "]";
    if (!json.is_object()) return Wrong(file, member, "expected {name, dtype, shape}");
    tensor::TensorSpec spec{.name = role + "_" + std::to_string(specs.size())};
    if (const auto name = json.find("name"); name != json.end()) {
      if (!name->is_string()) return Wrong(file, member + ".name", "expected a text");
      spec.name = name->get<std::string>();
    }
    const auto type = json.find("dtype");
    const auto known = type != json.end() && type->is_string()
                           ? TypeOf(type->get_ref<const std::string&>())
                           : std::nullopt;
    if (!known) {
      return Wrong(file, member + ".dtype",
                   "expected a data type such as float32 or FP32" +
                       (type == json.end() ? std::string() : ", got " + DumpJson(*type)));
    }
    spec.type = *known;
    const auto dims = json.find("shape");
    TRY(shape, ShapeOf(file, member + ".shape", dims == json.end() ? Json() : *dims));
    spec.shape = shape;
    spec.symbols.resize(shape.rank());
    specs.push_back(std::move(spec));
  }
  return specs;
}

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

Result<StatedModel> ParseStatement(std::string_view file, std::string_view text) {
  const JsonLimits limits{.max_bytes = kMaxStatementBytes};
  auto json = file.ends_with(".json") ? ParseJson(text, limits) : ParseYaml(text, limits);
  if (json.has_error()) {
    return InvalidArgument("SIGNATURE_INVALID", std::string(file) + ": " + json.error().message());
  }
  if (!json->is_object()) return Wrong(file, "", "expected inputs and outputs");
  const auto signature = json->find("signature");
  if (signature == json->end() || !signature->is_object()) {
    return Wrong(file, "",
                 "expected inputs and outputs, each a list of {name, dtype, shape}: a TorchScript "
                 "file does not say the types and shapes of its tensors");
  }
  StatedModel model;
  TRY(inputs, TensorsOf(file, *signature, "input"));
  TRY(outputs, TensorsOf(file, *signature, "output"));
  TRY(method, MethodOf(file, *json));
  model.signature.inputs = std::move(inputs);
  model.signature.outputs = std::move(outputs);
  model.method = std::move(method);
  TRY_VOID(tensor::CheckSignature(model.signature));
  return model;
}

Result<Statement> ReadStatement(const std::filesystem::path& folder) {
  for (const std::string_view name : kStatementFiles) {
    const std::filesystem::path path = folder / name;
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (error) continue;
    std::ifstream in(path, std::ios::binary);
    if (size > kMaxStatementBytes || !in) {
      return InvalidArgument("SIGNATURE_INVALID",
                             std::string(name) + " cannot be read, or has more than " +
                                 std::to_string(kMaxStatementBytes) + " bytes");
    }
    return Statement{
        .file = std::string(name),
        .text = {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()}};
  }
  return Statement();
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
