// A model.yaml or model.json beside a model's file: a signature that holds together, or a sentence.
// What a Triton is told of it is read as that same signature.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/json.h"
#include "engine/program/triton_config.h"
#include "gateway/model_config/config_text.h"
#include "tensor/stated_signature.h"

namespace program = slipway::engine::program;
using slipway::Json;
using slipway::tensor::TensorSpec;

namespace {

void CheckTensors(const Json& config, const char* field, const std::vector<TensorSpec>& specs) {
  const Json tensors = config.value(field, Json::array());
  CHECK(tensors.size() == specs.size());
  for (size_t i = 0; i < specs.size(); ++i) {
    CHECK(tensors[i].at("name") == specs[i].name);
    CHECK(tensors[i].at("data_type").get<std::string>().starts_with("TYPE_"));
  }
}

void CheckConfig(std::string_view file, std::string_view text) {
  program::TritonModel model{.name = "m", .runner = "backend: \"python\""};
  const auto taken = program::TakeStatement(file, text, model);
  CHECK(taken.has_value() || !model.signature.has_value());
  if (!model.signature.has_value()) return;
  const auto config = slipway::gateway::model_config::ReadConfigText(program::TritonConfig(model));
  CHECK(config.has_value());
  CheckTensors(*config, "input", model.signature->inputs);
  CheckTensors(*config, "output", model.signature->outputs);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view file = slipway::tensor::kStatementFiles[data[0] % 2];
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  CheckConfig(file, text);
  const auto document = slipway::tensor::ParseStatement(file, text);
  if (document.has_error()) {
    CHECK(document.error().reason() == "SIGNATURE_INVALID");
    return 0;
  }
  const auto signature = slipway::tensor::StatedSignature(file, *document);
  if (signature.has_value()) CHECK(CheckSignature(*signature).has_value());
  return 0;
}
