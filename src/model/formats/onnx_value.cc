#include <array>

#include "model/formats/onnx_graph.h"
#include "model/limits.h"

namespace slipway::model {
namespace {

// ValueInfoProto.
constexpr uint32_t kValueName = 1;
constexpr uint32_t kValueType = 2;
// TypeProto.Tensor.
constexpr uint32_t kElementType = 1;
constexpr uint32_t kShape = 2;
// TensorShapeProto and its Dimension.
constexpr uint32_t kDim = 1;
constexpr uint32_t kDimValue = 1;
constexpr uint32_t kDimParam = 2;

struct ElementType {
  std::string_view name;
  std::optional<tensor::DataType> type;
};

// TensorProto.DataType, from 0 on.
constexpr std::array<ElementType, 25> kElementTypes = {{
    {"undefined", std::nullopt},
    {"float", tensor::DataType::kFp32},
    {"uint8", tensor::DataType::kUint8},
    {"int8", tensor::DataType::kInt8},
    {"uint16", tensor::DataType::kUint16},
    {"int16", tensor::DataType::kInt16},
    {"int32", tensor::DataType::kInt32},
    {"int64", tensor::DataType::kInt64},
    {"string", tensor::DataType::kBytes},
    {"bool", tensor::DataType::kBool},
    {"float16", tensor::DataType::kFp16},
    {"double", tensor::DataType::kFp64},
    {"uint32", tensor::DataType::kUint32},
    {"uint64", tensor::DataType::kUint64},
    {"complex64", std::nullopt},
    {"complex128", std::nullopt},
    {"bfloat16", tensor::DataType::kBf16},
    {"float8e4m3fn", std::nullopt},
    {"float8e4m3fnuz", std::nullopt},
    {"float8e5m2", std::nullopt},
    {"float8e5m2fnuz", std::nullopt},
    {"uint4", std::nullopt},
    {"int4", std::nullopt},
    {"float4e2m1", std::nullopt},
    {"float8e8m0", std::nullopt},
}};

// What each field of TypeProto's oneof is, by its number.
std::string_view KindOfField(uint32_t number) {
  switch (number) {
    case 1:
      return "tensor";
    case 4:
      return "sequence";
    case 5:
      return "map";
    case 7:
      return "opaque";
    case 8:
      return "sparse tensor";
    case 9:
      return "optional";
    default:
      return {};
  }
}

Result<void> ReadDimension(ProtobufReader& reader, ProtobufMessage message, uint64_t at,
                           OnnxValue& out) {
  int64_t length = tensor::Shape::kAny;
  std::string symbol;
  while (true) {
    TRY(field, reader.Next(message));
    if (!field) break;
    if (field->number == kDimValue) {
      TRY(value, reader.Int(*field, "a dimension"));
      // -1 is not in the specification, but exporters write it for "any".
      if (value < tensor::Shape::kAny) {
        return ProtobufReader::Invalid(
            field->at, "a dimension of '" + out.name + "' is " + std::to_string(value) + ".");
      }
      length = value;
      symbol.clear();
    } else if (field->number == kDimParam) {
      TRY(text, reader.Text(*field, "the name of a dimension", kMaxOnnxNameBytes));
      symbol = std::move(text);
      length = tensor::Shape::kAny;
    }
  }
  if (!out.shape.Append(length)) {
    return ProtobufReader::Invalid(at, "'" + out.name + "' has more than " +
                                           std::to_string(tensor::kMaxRank) + " dimensions.");
  }
  out.symbols.push_back(std::move(symbol));
  return {};
}

Result<void> ReadShape(ProtobufReader& reader, ProtobufMessage message, OnnxValue& out) {
  while (true) {
    TRY(field, reader.Next(message));
    if (!field) return {};
    if (field->number != kDim) continue;
    TRY(dimension, reader.Message(*field, "a dimension"));
    TRY_VOID(ReadDimension(reader, dimension, field->at, out));
  }
}

Result<void> ReadTensorType(ProtobufReader& reader, ProtobufMessage message, OnnxValue& out) {
  while (true) {
    TRY(field, reader.Next(message));
    if (!field) return {};
    if (field->number == kElementType) {
      TRY(number, reader.Int(*field, "an element type"));
      if (number < 0 || number > INT32_MAX) {
        return ProtobufReader::Invalid(
            field->at, "'" + out.name + "' has the element type " + std::to_string(number) + ".");
      }
      out.element_type = static_cast<int32_t>(number);
      out.type = static_cast<size_t>(number) < kElementTypes.size()
                     ? kElementTypes[static_cast<size_t>(number)].type
                     : std::nullopt;
    } else if (field->number == kShape) {
      TRY(shape, reader.Message(*field, "a shape"));
      out.shape.Clear();
      out.symbols.clear();
      TRY_VOID(ReadShape(reader, shape, out));
    }
  }
}

Result<void> ReadType(ProtobufReader& reader, ProtobufMessage message, OnnxValue& out) {
  while (true) {
    TRY(field, reader.Next(message));
    if (!field) return {};
    const std::string_view kind = KindOfField(field->number);
    if (kind.empty()) continue;
    TRY(content, reader.Message(*field, "a type"));
    out.kind = kind;
    if (kind == "tensor") {
      TRY_VOID(ReadTensorType(reader, content, out));
    } else {
      out.type.reset();
    }
  }
}

}  // namespace

std::string OnnxElementTypeName(int32_t element_type) {
  if (element_type >= 0 && static_cast<size_t>(element_type) < kElementTypes.size()) {
    return std::string(kElementTypes[static_cast<size_t>(element_type)].name);
  }
  return "element type " + std::to_string(element_type);
}

Result<OnnxValue> ReadOnnxValue(ProtobufReader& reader, ProtobufMessage message,
                                const std::string& what) {
  OnnxValue value;
  std::optional<ProtobufMessage> type;
  while (true) {
    TRY(field, reader.Next(message));
    if (!field) break;
    if (field->number == kValueName) {
      TRY(name, reader.Text(*field, "the name of " + what, kMaxOnnxNameBytes));
      value.name = std::move(name);
    } else if (field->number == kValueType) {
      TRY(content, reader.Message(*field, "a type"));
      type = content;
    }
  }
  if (type) TRY_VOID(ReadType(reader, *type, value));
  return value;
}

}  // namespace slipway::model
