#include "engine/program/v2_message.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/utf8.h"
#include "engine/program/limits.h"

namespace slipway::engine::program {
namespace {

using tensor::DataType;
using tensor::Tensor;

bool IsUtf8(std::string_view text) {
  return !FindInvalidUtf8(text);
}

Error Odd(const std::string& what) {
  return FailedPrecondition("PROGRAM_METADATA",
                            "the program's metadata of its model cannot be used: " + what);
}

const Json* Find(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(std::string(key));
  return found == object.end() ? nullptr : &*found;
}

std::string TextOf(const Json* value) {
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

// Whether a number is whole and one of T's.
template <class T>
bool IsWhole(const Json& value) {
  if (value.is_number_unsigned()) return std::in_range<T>(value.get<uint64_t>());
  return value.is_number_integer() && std::in_range<T>(value.get<int64_t>());
}

Result<std::vector<tensor::TensorSpec>> ReadSpecs(const Json& model, const std::string& field) {
  const Json* const list = Find(model, field);
  if (list == nullptr || !list->is_array()) return Odd(field + " is no list");
  std::vector<tensor::TensorSpec> specs;
  for (const Json& one : *list) {
    const std::string at = field + "[" + std::to_string(specs.size()) + "]";
    tensor::TensorSpec& spec = specs.emplace_back();
    spec.name = TextOf(Find(one, "name"));
    const std::string type = TextOf(Find(one, "datatype"));
    const std::optional<DataType> parsed = tensor::ParseDataType(type);
    if (!parsed) return Odd(at + ".datatype is '" + type + "', which is no type of V2");
    spec.type = *parsed;
    const Json* const shape = Find(one, "shape");
    if (shape == nullptr || !shape->is_array()) return Odd(at + ".shape is no list");
    for (const Json& dim : *shape) {
      if (!IsWhole<int64_t>(dim) || !spec.shape.Append(dim.get<int64_t>())) {
        return Odd(at + ".shape has what is no length, or too many");
      }
    }
  }
  return specs;
}

// --- writing -----------------------------------------------------------------------------------

void AppendBinary(const Tensor& tensor, std::string& out) {
  if (tensor.type() != DataType::kBytes) {
    out.append(reinterpret_cast<const char*>(tensor.data()), tensor.size_bytes());
    return;
  }
  for (const std::string_view text : tensor.strings()) {
    const auto size = static_cast<uint32_t>(text.size());
    out.append(reinterpret_cast<const char*>(&size), sizeof(size));
    out += text;
  }
}

uint64_t BinaryBytes(const Tensor& tensor) {
  if (tensor.type() != DataType::kBytes) return tensor.size_bytes();
  uint64_t bytes = 0;
  for (const std::string_view text : tensor.strings()) bytes += sizeof(uint32_t) + text.size();
  return bytes;
}

Error NoJson(const std::string& name, std::string_view what) {
  return InvalidArgument("PROGRAM_JSON", "input '" + name + "' has " + std::string(what) +
                                             ", which JSON has no place for, and the program of "
                                             "this service takes JSON only");
}

template <class T>
void AppendNumbers(const Tensor& tensor, Json& out) {
  for (const T value : tensor.as<const T>()) out.push_back(value);
}

Result<Json> JsonOf(const Tensor& tensor, const std::string& name) {
  Json out = Json::array();
  switch (tensor.type()) {
    case DataType::kBool:
      for (const uint8_t value : tensor.as<const uint8_t>()) out.push_back(value != 0);
      break;
    case DataType::kUint8:
      AppendNumbers<uint8_t>(tensor, out);
      break;
    case DataType::kUint16:
      AppendNumbers<uint16_t>(tensor, out);
      break;
    case DataType::kUint32:
      AppendNumbers<uint32_t>(tensor, out);
      break;
    case DataType::kUint64:
      AppendNumbers<uint64_t>(tensor, out);
      break;
    case DataType::kInt8:
      AppendNumbers<int8_t>(tensor, out);
      break;
    case DataType::kInt16:
      AppendNumbers<int16_t>(tensor, out);
      break;
    case DataType::kInt32:
      AppendNumbers<int32_t>(tensor, out);
      break;
    case DataType::kInt64:
      AppendNumbers<int64_t>(tensor, out);
      break;
    case DataType::kFp32:
      for (const float value : tensor.as<const float>()) {
        if (!std::isfinite(value)) return NoJson(name, "a number that is not finite");
        out.push_back(value);
      }
      break;
    case DataType::kFp64:
      for (const double value : tensor.as<const double>()) {
        if (!std::isfinite(value)) return NoJson(name, "a number that is not finite");
        out.push_back(value);
      }
      break;
    case DataType::kBytes:
      for (const std::string_view text : tensor.strings()) {
        if (!IsUtf8(text)) return NoJson(name, "bytes that are no UTF-8");
        out.push_back(std::string(text));
      }
      break;
    case DataType::kFp16:
    case DataType::kBf16:
      return NoJson(name, "16-bit floats");
  }
  return out;
}

// --- reading -----------------------------------------------------------------------------------

Error BadAnswer(const std::string& what) {
  return Internal("PROGRAM_ANSWER",
                  "the program of this service gave an answer that is none: " + what);
}

Result<void> ShowStrings(std::string_view bytes, const std::string& name, uint64_t count,
                         const tensor::Shape& shape, Tensor& out) {
  std::vector<std::string_view> strings;
  while (!bytes.empty()) {
    uint32_t size = 0;
    if (bytes.size() < sizeof(size)) return BadAnswer("output '" + name + "' ends in a length");
    std::memcpy(&size, bytes.data(), sizeof(size));
    bytes.remove_prefix(sizeof(size));
    if (size > bytes.size()) {
      return BadAnswer("output '" + name + "' has a string that is longer than it");
    }
    strings.push_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  if (strings.size() != count) {
    return BadAnswer("output '" + name + "' has " + std::to_string(strings.size()) +
                     " strings, its shape " + std::to_string(count));
  }
  return out.BorrowStrings(shape, std::move(strings), {});
}

Result<void> ShowBinary(char* data, uint64_t bytes, const tensor::TensorSpec& spec,
                        const tensor::Shape& shape, Tensor& out) {
  TRY(count, shape.ElementCount());
  if (spec.type == DataType::kBytes) {
    return ShowStrings({data, bytes}, spec.name, count, shape, out);
  }
  const size_t element = tensor::ElementSize(spec.type);
  if (bytes % element != 0 || bytes / element != count) {
    return BadAnswer("output '" + spec.name + "' has " + std::to_string(bytes) +
                     " bytes, its shape " + shape.ToString() + " takes " +
                     std::to_string(count * element));
  }
  // Behind a JSON of any length numbers lie anywhere.
  if (reinterpret_cast<uintptr_t>(data) % element == 0) {
    return out.Borrow(spec.type, shape, data, {});
  }
  TRY_VOID(out.Reset(spec.type, shape));
  if (bytes > 0) std::memcpy(out.data(), data, bytes);
  return {};
}

// The elements of lists in lists, in their order.
void Flatten(const Json& value, std::vector<const Json*>& out) {
  if (!value.is_array()) {
    out.push_back(&value);
    return;
  }
  for (const Json& element : value) Flatten(element, out);
}

template <class T>
bool FillNumbers(const std::vector<const Json*>& values, Tensor& out) {
  const auto numbers = out.as<T>();
  for (size_t i = 0; i < values.size(); ++i) {
    if constexpr (std::is_integral_v<T>) {
      if (!IsWhole<T>(*values[i])) return false;
    } else if (!values[i]->is_number()) {
      return false;
    }
    numbers[i] = values[i]->get<T>();
  }
  return true;
}

bool FillStrings(const std::vector<const Json*>& values, Tensor& out) {
  for (const Json* const value : values) {
    if (!value->is_string()) return false;
    out.AppendString(value->get_ref<const std::string&>());
  }
  out.SealStrings();
  return true;
}

bool FillBools(const std::vector<const Json*>& values, Tensor& out) {
  const auto bools = out.as<uint8_t>();
  for (size_t i = 0; i < values.size(); ++i) {
    if (!values[i]->is_boolean() && !values[i]->is_number_integer()) return false;
    bools[i] = values[i]->is_boolean() ? values[i]->get<bool>() : *values[i] != 0;
  }
  return true;
}

bool Fill(const std::vector<const Json*>& values, Tensor& out) {
  switch (out.type()) {
    case DataType::kBool:
      return FillBools(values, out);
    case DataType::kUint8:
      return FillNumbers<uint8_t>(values, out);
    case DataType::kUint16:
      return FillNumbers<uint16_t>(values, out);
    case DataType::kUint32:
      return FillNumbers<uint32_t>(values, out);
    case DataType::kUint64:
      return FillNumbers<uint64_t>(values, out);
    case DataType::kInt8:
      return FillNumbers<int8_t>(values, out);
    case DataType::kInt16:
      return FillNumbers<int16_t>(values, out);
    case DataType::kInt32:
      return FillNumbers<int32_t>(values, out);
    case DataType::kInt64:
      return FillNumbers<int64_t>(values, out);
    case DataType::kFp32:
      return FillNumbers<float>(values, out);
    case DataType::kFp64:
      return FillNumbers<double>(values, out);
    case DataType::kBytes:
      return FillStrings(values, out);
    case DataType::kFp16:
    case DataType::kBf16:
      return false;
  }
  return false;
}

Result<void> ReadJsonData(const Json& data, const tensor::TensorSpec& spec,
                          const tensor::Shape& shape, Tensor& out) {
  std::vector<const Json*> values;
  Flatten(data, values);
  TRY(count, shape.ElementCount());
  if (values.size() != count) {
    return BadAnswer("output '" + spec.name + "' has " + std::to_string(values.size()) +
                     " elements, its shape " + shape.ToString() + " takes " +
                     std::to_string(count));
  }
  TRY_VOID(out.Reset(spec.type, shape));
  if (Fill(values, out)) return {};
  return BadAnswer("output '" + spec.name + "' has an element that is no " +
                   std::string(tensor::DataTypeName(spec.type)));
}

Result<tensor::Shape> ShapeOf(const Json& output, const tensor::TensorSpec& spec) {
  const Json* const list = Find(output, "shape");
  tensor::Shape shape;
  bool is_good = list != nullptr && list->is_array();
  for (size_t i = 0; is_good && i < list->size(); ++i) {
    is_good = IsWhole<int64_t>((*list)[i]) && shape.Append((*list)[i].get<int64_t>());
  }
  if (!is_good || shape.has_any()) return BadAnswer("output '" + spec.name + "' has no shape");
  if (tensor::Matches(spec, shape)) return shape;
  return BadAnswer("output '" + spec.name + "' has the shape " + shape.ToString() +
                   ", its metadata says " + spec.shape.ToString());
}

// The bytes behind the JSON that one output has; nothing where it has none.
Result<std::optional<uint64_t>> BinarySize(const Json& output, const std::string& name) {
  const Json* const parameters = Find(output, "parameters");
  const Json* const size = parameters == nullptr ? nullptr : Find(*parameters, "binary_data_size");
  if (size == nullptr) return std::optional<uint64_t>();
  if (size->is_number_unsigned()) return std::optional(size->get<uint64_t>());
  return BadAnswer("binary_data_size of '" + name + "' is no size");
}

// Where the output that `json` describes goes in the list of those that are wanted.
Result<size_t> PositionOf(const Json& json, const tensor::Signature& signature,
                          std::span<const uint32_t> wanted) {
  const std::string name = TextOf(Find(json, "name"));
  for (size_t i = 0; i < wanted.size(); ++i) {
    const tensor::TensorSpec& spec = signature.outputs[wanted[i]];
    if (spec.name != name) continue;
    const std::string type = TextOf(Find(json, "datatype"));
    if (type == tensor::DataTypeName(spec.type)) return i;
    return BadAnswer("output '" + name + "' has the type '" + type + "', its metadata says " +
                     std::string(tensor::DataTypeName(spec.type)));
  }
  return wanted.size();
}

}  // namespace

bool HasBinaryTensors(std::string_view body) {
  const Result<Json> json = ParseJson(body);
  if (json.has_error()) return false;
  const Json* const extensions = Find(*json, "extensions");
  if (extensions == nullptr || !extensions->is_array()) return false;
  return std::any_of(extensions->begin(), extensions->end(), [](const Json& one) {
    return one.is_string() && one.get_ref<const std::string&>() == "binary_tensor_data";
  });
}

Result<V2Metadata> ReadMetadata(std::string_view body, std::string_view name) {
  const Result<Json> json = ParseJson(body);
  if (json.has_error()) return Odd(json.error().message());
  const std::string own = TextOf(Find(*json, "name"));
  if (own != name) {
    return Odd("asked for '" + std::string(name) + "', it tells of '" + own + "'");
  }
  V2Metadata metadata{.platform = TextOf(Find(*json, "platform")), .signature = {}};
  if (metadata.platform.empty()) metadata.platform = "program_v2";
  TRY(inputs, ReadSpecs(*json, "inputs"));
  TRY(outputs, ReadSpecs(*json, "outputs"));
  metadata.signature.inputs = std::move(inputs);
  metadata.signature.outputs = std::move(outputs);
  if (metadata.signature.outputs.empty()) return Odd("it has no outputs");
  const Result<void> checked = tensor::CheckSignature(metadata.signature);
  if (checked.has_error()) return Odd(checked.error().message());
  return metadata;
}

Result<V2Message> WriteRequest(const tensor::Signature& signature, std::span<const Tensor> inputs,
                               std::span<const uint32_t> wanted, bool binary) {
  Json head;
  Json& described = head["inputs"] = Json::array();
  uint64_t tensor_bytes = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string& name = signature.inputs[i].name;
    const auto dims = inputs[i].shape().dims();
    Json one{{"name", name},
             {"shape", std::vector<int64_t>(dims.begin(), dims.end())},
             {"datatype", tensor::DataTypeName(inputs[i].type())}};
    if (binary) {
      one["parameters"]["binary_data_size"] = BinaryBytes(inputs[i]);
      tensor_bytes += BinaryBytes(inputs[i]);
    } else {
      TRY(data, JsonOf(inputs[i], name));
      one["data"] = std::move(data);
    }
    described.push_back(std::move(one));
  }
  Json& asked = head["outputs"] = Json::array();
  for (const uint32_t index : wanted) {
    Json one{{"name", signature.outputs[index].name}};
    if (binary) one["parameters"]["binary_data"] = true;
    asked.push_back(std::move(one));
  }
  V2Message message{.body = DumpJson(head)};
  if (!binary) return message;
  message.header_bytes = message.body.size();
  message.body.reserve(message.body.size() + tensor_bytes);
  for (const Tensor& input : inputs) AppendBinary(input, message.body);
  return message;
}

Result<void> ReadAnswer(std::string& body, uint64_t header_bytes,
                        const tensor::Signature& signature, std::span<const uint32_t> wanted,
                        std::span<Tensor> outputs) {
  if (header_bytes > body.size()) return BadAnswer("its header is longer than it");
  const std::string_view head =
      header_bytes == 0 ? std::string_view(body) : std::string_view(body).substr(0, header_bytes);
  const Result<Json> json =
      ParseJson(head, {.max_bytes = kMaxJsonAnswerBytes, .max_values = kMaxJsonValues});
  if (json.has_error()) return BadAnswer(json.error().message());
  const Json* const list = Find(*json, "outputs");
  if (list == nullptr || !list->is_array()) return BadAnswer("it has no list outputs");
  uint64_t at = header_bytes == 0 ? body.size() : header_bytes;
  std::vector<bool> has(wanted.size());
  for (const Json& one : *list) {
    TRY(position, PositionOf(one, signature, wanted));
    TRY(size, BinarySize(one, TextOf(Find(one, "name"))));
    char* const data = body.data() + at;
    if (size && *size > body.size() - at) return BadAnswer("its tensors are longer than it");
    if (size) at += *size;
    if (position == wanted.size()) continue;  // nobody asked for it
    const tensor::TensorSpec& spec = signature.outputs[wanted[position]];
    TRY(shape, ShapeOf(one, spec));
    has[position] = true;
    if (size) {
      TRY_VOID(ShowBinary(data, *size, spec, shape, outputs[position]));
      continue;
    }
    const Json* const values = Find(one, "data");
    if (values == nullptr) return BadAnswer("output '" + spec.name + "' has no data");
    TRY_VOID(ReadJsonData(*values, spec, shape, outputs[position]));
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!has[i]) return BadAnswer("it has no output '" + signature.outputs[wanted[i]].name + "'");
  }
  return {};
}

Error ErrorOfAnswer(int status, std::string_view body) {
  const Result<Json> json = ParseJson(body);
  std::string text = json.has_error() ? "" : TextOf(Find(*json, "error"));
  if (text.empty()) {
    text = "the program of this service answered with status " + std::to_string(status);
    if (IsUtf8(body) && !body.empty()) text += ": " + std::string(body);
  }
  if (text.size() > kMaxErrorText) {
    text.resize(kMaxErrorText);
    while (!IsUtf8(text)) text.pop_back();
  }
  const Code code = status == 400 || status == 413 || status == 422 ? Code::kInvalidArgument
                    : status == 404                                 ? Code::kNotFound
                    : status == 408 || status == 504                ? Code::kDeadlineExceeded
                    : status == 429                                 ? Code::kResourceExhausted
                    : status == 501                                 ? Code::kUnimplemented
                    : status == 503                                 ? Code::kUnavailable
                                                                    : Code::kInternal;
  return {code, "PROGRAM_ERROR", std::move(text)};
}

}  // namespace slipway::engine::program
