#include "engine/fake/fake_model.h"

#include "base/file_system.h"

namespace slipway::engine::fake {
namespace {

constexpr uint64_t kMaxFileBytes = 1 << 20;

Result<tensor::TensorSpec> SpecOf(const FakeTensor& in) {
  tensor::TensorSpec spec;
  spec.name = in.name;
  const auto type = tensor::ParseDataType(in.datatype);
  if (!type) {
    return InvalidArgument("MODEL_INVALID", "tensor '" + in.name + "' has the unknown datatype '" +
                                                in.datatype +
                                                "'; use one of the V2 protocol's, such as FP32");
  }
  spec.type = *type;
  for (int64_t dim : in.shape) {
    if (!spec.shape.Append(dim)) {
      return InvalidArgument("MODEL_INVALID", "tensor '" + in.name + "' has too many dimensions");
    }
  }
  spec.symbols = in.symbols;
  return spec;
}

}  // namespace

Result<FakeModel> ReadFakeModel(const std::string& path) {
  TRY(text, ReadWholeFile(PosixFileSystem(), path, kMaxFileBytes));
  TRY(json, ParseJson(text));
  TRY(model, Decode<FakeModel>(json));
  TRY(signature, SignatureOf(model));
  for (size_t i = 0; i < signature.outputs.size(); ++i) {
    if (i >= signature.inputs.size() || signature.inputs[i].type != signature.outputs[i].type) {
      return InvalidArgument("MODEL_INVALID", "output '" + signature.outputs[i].name +
                                                  "' has no input " + std::to_string(i) +
                                                  " of its type to show");
    }
  }
  return model;
}

Result<tensor::Signature> SignatureOf(const FakeModel& model) {
  tensor::Signature signature;
  for (const FakeTensor& in : model.inputs) {
    TRY(spec, SpecOf(in));
    signature.inputs.push_back(std::move(spec));
  }
  for (const FakeTensor& in : model.outputs) {
    TRY(spec, SpecOf(in));
    signature.outputs.push_back(std::move(spec));
  }
  TRY_VOID(tensor::CheckSignature(signature));
  return signature;
}

}  // namespace slipway::engine::fake
