#include "model/formats/fake.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/describe.h"
#include "base/json.h"
#include "model/limits.h"
#include "oci/content_source.h"

namespace slipway::model {
namespace {

struct FakeTensor {
  std::string name;
  std::string datatype;
  std::vector<int64_t> shape;
};
BOOST_DESCRIBE_STRUCT(FakeTensor, (), (name, datatype, shape))

struct FakeModel {
  std::vector<FakeTensor> inputs;
  std::vector<FakeTensor> outputs;
};
BOOST_DESCRIBE_STRUCT(FakeModel, (), (inputs, outputs))

Result<std::vector<tensor::TensorSpec>> SpecsOf(const std::vector<FakeTensor>& tensors) {
  std::vector<tensor::TensorSpec> specs;
  for (const FakeTensor& from : tensors) {
    tensor::TensorSpec spec;
    spec.name = from.name;
    const auto type = tensor::ParseDataType(from.datatype);
    if (!type) {
      return InvalidArgument("MODEL_INVALID", fmt::format("tensor {}: there is no datatype {}",
                                                          from.name, from.datatype));
    }
    spec.type = *type;
    for (int64_t dimension : from.shape) {
      if (!spec.shape.Append(dimension)) {
        return InvalidArgument("MODEL_INVALID",
                               fmt::format("tensor {}: too many dimensions", from.name));
      }
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace

Result<tensor::Signature> ReadFakeSignature(File& file) {
  TRY(text, oci::ReadFile(file, kMaxConfigBytes));
  auto json = ParseJson(text);
  if (!json.has_value()) return InvalidArgument("MODEL_INVALID", json.error().message());
  auto model = Decode<FakeModel>(*json, {}, UnknownFields::kIgnore);
  if (!model.has_value()) return InvalidArgument("MODEL_INVALID", model.error().message());
  TRY(inputs, SpecsOf(model->inputs));
  TRY(outputs, SpecsOf(model->outputs));
  return tensor::Signature{.inputs = std::move(inputs), .outputs = std::move(outputs)};
}

}  // namespace slipway::model
