// ONNX files: the reader ends, says which byte is wrong, and what it takes keeps its limits.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/check.h"
#include "model/formats/onnx.h"
#include "model/limits.h"
#include "model/path.h"
#include "oci/content_source.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::make_shared<const std::string>(reinterpret_cast<const char*>(data), size);
  const auto file = slipway::oci::MakeMemoryFile(bytes);
  const auto model = slipway::model::ReadOnnx(*file);
  if (!model.has_value()) {
    CHECK(model.error().reason() == "MODEL_INVALID");
    return 0;
  }
  CHECK(model->ir_version >= 1 && !model->outputs.empty());
  CHECK(model->outputs.size() <= slipway::model::kMaxOnnxValues);
  for (const std::string& path : model->external_files) {
    CHECK(slipway::model::CheckPath(path).has_value());
  }
  const auto signature = slipway::model::SignatureOf(*model);
  if (signature.has_value()) CHECK(signature->inputs.size() == model->inputs.size());
  return 0;
}
