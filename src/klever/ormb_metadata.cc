#include "klever/ormb_metadata.h"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "model/inspect.h"
#include "model/limits.h"
#include "model/metadata/read_metadata.h"
#include "model/ormb/layout.h"
#include "model/ormb/ormb_file.h"
#include "registry/projection.h"

namespace slipway::klever {
namespace {

// V2's names of types as NumPy, and so ormb, spells them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kTypes = {{
    {"BOOL", "bool"},
    {"UINT8", "uint8"},
    {"UINT16", "uint16"},
    {"UINT32", "uint32"},
    {"UINT64", "uint64"},
    {"INT8", "int8"},
    {"INT16", "int16"},
    {"INT32", "int32"},
    {"INT64", "int64"},
    {"FP16", "float16"},
    {"FP32", "float32"},
    {"FP64", "float64"},
    {"BF16", "bfloat16"},
    {"BYTES", "object"},
}};

std::vector<model::StatedTensor> Tensors(const std::vector<resource::TensorSpec>& specs) {
  std::vector<model::StatedTensor> tensors;
  for (const resource::TensorSpec& spec : specs) {
    std::string type = spec.datatype;
    for (const auto& [v2, numpy] : kTypes) {
      if (spec.datatype == v2) type = numpy;
    }
    tensors.push_back({.name = spec.name,
                       .dtype = std::move(type),
                       .shape = {spec.shape.begin(), spec.shape.end()},
                       .op_type = {},
                       .values = {},
                       .description = {}});
  }
  return tensors;
}

Result<model::FoundMetadata> Read(oci::ContentSource& content, const oci::Manifest& manifest,
                                  const std::string& config) {
  return model::ReadMetadata(
      manifest, config,
      [&content](const oci::Descriptor& wanted) -> Result<std::optional<std::string>> {
        if (wanted.size_bytes > model::kMaxConfigBytes) return std::optional<std::string>();
        TRY(bytes, oci::ReadContent(content, wanted.digest, model::kMaxConfigBytes));
        return std::optional<std::string>(std::move(bytes));
      });
}

// What the controller read out of the model's file.
Task<void> AddSignature(Core& core, const StoredManifest& stored, model::Metadata& metadata) {
  const auto found = co_await core.options.resources->Get(
      registry::ModelVersionKey(stored.repository, stored.digest));
  if (!found) co_return;
  const auto status =
      Decode<resource::ModelVersionStatus>(found->status, "", UnknownFields::kIgnore);
  if (!status || (status->inputs.empty() && status->outputs.empty())) co_return;
  metadata.signature = model::StatedSignature{
      .inputs = Tensors(status->inputs), .outputs = Tensors(status->outputs), .layers = {}};
}

}  // namespace

Result<std::string> ReadConfig(oci::ContentSource& content, const oci::Manifest& manifest) {
  if (!manifest.config || manifest.config->size_bytes > model::kMaxConfigBytes) {
    return std::string();
  }
  return oci::ReadContent(content, manifest.config->digest, model::kMaxConfigBytes);
}

Task<Result<Json>> OrmbMetadataOf(Core& core, const StoredManifest& stored,
                                  const std::string& config) {
  const oci::ModelForm form = model::FormOf(stored.manifest);
  if (form == oci::ModelForm::kNone) {
    co_return NotFound("MODEL_UNKNOWN", stored.repository + "@" + stored.digest.text() +
                                            " is no model: its type is '" +
                                            std::string(stored.manifest.EffectiveArtifactType()) +
                                            "'.");
  }
  CO_TRY(found,
         co_await core.pool().Run([&] { return Read(*core.content, stored.manifest, config); }));
  model::Metadata& metadata = found.metadata;
  if (!metadata.signature) co_await AddSignature(core, stored, metadata);
  if (form != oci::ModelForm::kOrmb) {
    // ormb has its own names of formats, and refuses others.
    std::string format = model::OrmbFormatOf(model::FormatOfManifest(stored.manifest, config));
    metadata.format = format.empty() ? "Others" : std::move(format);
  }
  co_return model::ToOrmb(metadata);
}

}  // namespace slipway::klever
