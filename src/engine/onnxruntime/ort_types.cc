#include "engine/onnxruntime/ort_types.h"

#include <array>
#include <string>
#include <vector>

namespace slipway::engine::ort {
namespace {

using tensor::DataType;

struct Row {
  DataType ours;
  ONNXTensorElementDataType theirs;
};

constexpr std::array kRows = {
    Row{DataType::kBool, ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL},
    Row{DataType::kUint8, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8},
    Row{DataType::kUint16, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16},
    Row{DataType::kUint32, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32},
    Row{DataType::kUint64, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64},
    Row{DataType::kInt8, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8},
    Row{DataType::kInt16, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16},
    Row{DataType::kInt32, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32},
    Row{DataType::kInt64, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64},
    Row{DataType::kFp16, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16},
    Row{DataType::kFp32, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT},
    Row{DataType::kFp64, ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE},
    Row{DataType::kBytes, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING},
    Row{DataType::kBf16, ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16},
};

std::string_view KindName(ONNXType type) {
  switch (type) {
    case ONNX_TYPE_TENSOR:
      return "a tensor";
    case ONNX_TYPE_SEQUENCE:
      return "a sequence";
    case ONNX_TYPE_MAP:
      return "a map";
    case ONNX_TYPE_SPARSETENSOR:
      return "a sparse tensor";
    case ONNX_TYPE_OPTIONAL:
      return "an optional value";
    case ONNX_TYPE_OPAQUE:
    case ONNX_TYPE_UNKNOWN:
      break;
  }
  return "a value of an unknown kind";
}

Error KindError(std::string_view role, const std::string& name, ONNXType type) {
  const bool zipmap = type == ONNX_TYPE_SEQUENCE || type == ONNX_TYPE_MAP;
  return Unimplemented("MODEL_KIND",
                       std::string(role) + " '" + name + "' is " + std::string(KindName(type)) +
                           ", not a tensor: export the model again so that all its inputs and "
                           "outputs are tensors" +
                           (zipmap ? " (with skl2onnx: options={'zipmap': False})" : ""));
}

Result<void> ReadShape(const OrtTensorTypeAndShapeInfo* info, tensor::TensorSpec& spec) {
  size_t rank = 0;
  TRY_VOID(Check(Api().GetDimensionsCount(info, &rank), Step::kLoad));
  if (rank > tensor::kMaxRank) {
    return Unimplemented("MODEL_KIND", "tensor '" + spec.name + "' has " + std::to_string(rank) +
                                           " dimensions, " + std::to_string(tensor::kMaxRank) +
                                           " are allowed");
  }
  std::vector<int64_t> dims(rank);
  std::vector<const char*> symbols(rank);
  TRY_VOID(Check(Api().GetDimensions(info, dims.data(), rank), Step::kLoad));
  TRY_VOID(Check(Api().GetSymbolicDimensions(info, symbols.data(), rank), Step::kLoad));
  for (size_t i = 0; i < rank; ++i) {
    CHECK(spec.shape.Append(dims[i] < 0 ? tensor::Shape::kAny : dims[i]));
    spec.symbols.emplace_back(symbols[i] == nullptr ? "" : symbols[i]);
  }
  return {};
}

Result<tensor::TensorSpec> ReadSpec(std::string_view role, std::string name,
                                    const OrtTypeInfo* type_info) {
  ONNXType kind = ONNX_TYPE_UNKNOWN;
  TRY_VOID(Check(Api().GetOnnxTypeFromTypeInfo(type_info, &kind), Step::kLoad));
  if (kind != ONNX_TYPE_TENSOR) return KindError(role, name, kind);
  const OrtTensorTypeAndShapeInfo* info = nullptr;
  TRY_VOID(Check(Api().CastTypeInfoToTensorInfo(type_info, &info), Step::kLoad));
  ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  TRY_VOID(Check(Api().GetTensorElementType(info, &element), Step::kLoad));
  const std::optional<DataType> type = FromOrt(element);
  if (!type) {
    return Unimplemented("MODEL_KIND", std::string(role) + " '" + name + "' has the ONNX type " +
                                           std::to_string(static_cast<int>(element)) +
                                           ", for which the V2 protocol has no data type");
  }
  tensor::TensorSpec spec{.name = std::move(name), .type = *type};
  TRY_VOID(ReadShape(info, spec));
  return spec;
}

using GetCount = decltype(OrtApi::SessionGetInputCount);
using GetName = decltype(OrtApi::SessionGetInputName);
using GetTypeInfo = decltype(OrtApi::SessionGetInputTypeInfo);

Result<std::vector<tensor::TensorSpec>> ReadSpecs(std::string_view role, const OrtSession* session,
                                                  GetCount get_count, GetName get_name,
                                                  GetTypeInfo get_type) {
  OrtAllocator* allocator = nullptr;
  TRY_VOID(Check(Api().GetAllocatorWithDefaultOptions(&allocator), Step::kLoad));
  size_t count = 0;
  TRY_VOID(Check(get_count(session, &count), Step::kLoad));
  std::vector<tensor::TensorSpec> specs;
  for (size_t i = 0; i < count; ++i) {
    char* raw_name = nullptr;
    TRY_VOID(Check(get_name(session, i, allocator, &raw_name), Step::kLoad));
    std::string name = raw_name;
    allocator->Free(allocator, raw_name);
    TypeInfoPtr type_info;
    TRY_VOID(Check(get_type(session, i, Out(type_info)), Step::kLoad));
    TRY(spec, ReadSpec(role, std::move(name), type_info.get()));
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace

std::optional<DataType> FromOrt(ONNXTensorElementDataType type) {
  for (const Row& row : kRows) {
    if (row.theirs == type) return row.ours;
  }
  return std::nullopt;
}

ONNXTensorElementDataType ToOrt(DataType type) {
  for (const Row& row : kRows) {
    if (row.ours == type) return row.theirs;
  }
  return ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
}

Result<tensor::Signature> ReadSignature(const OrtSession* session) {
  tensor::Signature signature;
  const OrtApi& api = Api();
  TRY(inputs, ReadSpecs("input", session, api.SessionGetInputCount, api.SessionGetInputName,
                        api.SessionGetInputTypeInfo));
  TRY(outputs, ReadSpecs("output", session, api.SessionGetOutputCount, api.SessionGetOutputName,
                         api.SessionGetOutputTypeInfo));
  signature.inputs = std::move(inputs);
  signature.outputs = std::move(outputs);
  TRY_VOID(tensor::CheckSignature(signature));
  return signature;
}

}  // namespace slipway::engine::ort
