#include "tensor/stated_signature.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace slipway::tensor {
namespace {

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
  return found == kNumpy.end() ? ParseDataType(name) : found->second;
}

Result<Shape> ShapeOf(std::string_view file, const std::string& member, const Json& json) {
  Shape shape;
  if (!json.is_array()) return Wrong(file, member, "expected a list of lengths, -1 for any");
  for (const Json& dim : json) {
    const bool is_length = dim.is_number_unsigned() ? std::in_range<int64_t>(dim.get<uint64_t>())
                                                    : dim.is_number_integer() && dim >= -1;
    if (!is_length) {
      return Wrong(file, member, "expected lengths, -1 for any, got " + DumpJson(dim));
    }
    if (!shape.Append(dim.get<int64_t>())) {
      return Wrong(file, member, "at most " + std::to_string(kMaxRank) + " dimensions are allowed");
    }
  }
  return shape;
}

Result<std::vector<TensorSpec>> TensorsOf(std::string_view file, const Json& signature,
                                          const std::string& role) {
  std::vector<TensorSpec> specs;
  const auto list = signature.find(role + "s");
  if (list == signature.end() || !list->is_array()) {
    return Wrong(file, "." + role + "s", "expected a list of {name, dtype, shape}");
  }
  for (const Json& json : *list) {
    const std::string member = "." + role + "s[" + std::to_string(specs.size()) + "]";
    if (!json.is_object()) return Wrong(file, member, "expected {name, dtype, shape}");
    TensorSpec spec{.name = role + "_" + std::to_string(specs.size())};
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

}  // namespace

Result<Json> ParseStatement(std::string_view file, std::string_view text) {
  const JsonLimits limits{.max_bytes = kMaxStatementBytes};
  auto json = file.ends_with(".json") ? ParseJson(text, limits) : ParseYaml(text, limits);
  if (json.has_error()) {
    return InvalidArgument("SIGNATURE_INVALID", std::string(file) + ": " + json.error().message());
  }
  if (!json->is_object()) return Wrong(file, "", "expected inputs and outputs");
  return json;
}

Result<Signature> StatedSignature(std::string_view file, const Json& document) {
  const auto stated = document.find("signature");
  if (stated == document.end() || !stated->is_object()) {
    return Wrong(file, "", "expected inputs and outputs, each a list of {name, dtype, shape}");
  }
  Signature signature;
  TRY(inputs, TensorsOf(file, *stated, "input"));
  TRY(outputs, TensorsOf(file, *stated, "output"));
  signature.inputs = std::move(inputs);
  signature.outputs = std::move(outputs);
  TRY_VOID(CheckSignature(signature));
  return signature;
}

}  // namespace slipway::tensor
