// Inspect: what a model is, without an engine.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "model/layer_files.h"
#include "model/metadata/read_metadata.h"
#include "oci/content_source.h"
#include "oci/manifest.h"
#include "tensor/signature.h"

namespace slipway::model {

// Formats for which this build has an engine.
std::span<const std::string_view> DeployableFormats();
// Those of them that users are told of: not the format of the test engine.
std::span<const std::string_view> OfferedFormats();

// Reads inputs and outputs of one model file. UNIMPLEMENTED / SIGNATURE_UNREADABLE for formats
// without a reader; INVALID_ARGUMENT / MODEL_INVALID names file and byte.
Result<tensor::Signature> ReadSignature(std::string_view format, File& file,
                                        std::string_view file_name);

struct ModelDescription {
  std::string format;      // empty: not recognised
  std::string model_file;  // path in the package; empty where there is none to open
  std::optional<tensor::Signature> signature;  // as the model file has it
  FoundMetadata metadata;
};

// A folder for one file at a time: model files that are in an archive are read there.
struct Scratch {
  FileSystem* files = nullptr;
  std::string folder;
};

// Blocking: reads the metadata, the heads of the files, archives as a whole, and the structure of
// the model file (one in an archive only with a scratch folder). MODEL_INVALID as above; the errors
// of archives.
Result<ModelDescription> InspectManifest(oci::ContentSource& content, const oci::Manifest& manifest,
                                         const std::optional<Scratch>& scratch = std::nullopt);

// As the resource API spells them.
std::vector<resource::TensorSpec> SpecsOf(const std::vector<tensor::TensorSpec>& tensors);

// The format that a manifest states in its config, or that the names of its files tell. Pure.
std::string FormatOfManifest(const oci::Manifest& manifest, std::string_view config_json);

// What is told by the manifest, its config and the small layers that `fetch` gives: fits
// registry::FactsOf. Errors are those of `fetch`.
Result<resource::ModelFacts> FactsOfManifest(const oci::Manifest& manifest,
                                             const FetchContent& fetch);

}  // namespace slipway::model
