// A ModelInferRequest, whatever it is, for a model with inputs of several types.
#include <cstddef>
#include <cstdint>
#include <string>

#include "gateway/grpc/infer_reader.h"
#include "tensor/signature.h"

namespace {

using slipway::tensor::DataType;

slipway::tensor::Signature MakeSignature() {
  slipway::tensor::Signature signature;
  const auto add = [&signature](const char* name, DataType type) {
    signature.inputs.push_back({.name = name, .type = type, .shape = {-1}, .symbols = {}});
  };
  add("f", DataType::kFp32);
  add("i", DataType::kInt8);
  add("u", DataType::kUint64);
  add("b", DataType::kBool);
  add("s", DataType::kBytes);
  signature.outputs = signature.inputs;
  return signature;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const slipway::tensor::Signature kSignature = MakeSignature();
  static slipway::gateway::grpc::InferReader reader;
  static slipway::gateway::v2::InferRequest request;
  // Behind it lie bytes that may be read, and no others.
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  if (reader.Open(bytes).has_error()) return 0;
  const slipway::gateway::v2::ModelFace face{.name = "m", .signature = kSignature};
  if (reader.Read(face, request).has_value()) {
    if (request.inputs.size() != kSignature.inputs.size()) __builtin_trap();
    for (size_t i = 0; i < request.inputs.size(); ++i) {
      if (request.inputs[i].type() != kSignature.inputs[i].type) __builtin_trap();
    }
    if (request.wanted.empty()) __builtin_trap();
  }
  return 0;
}
