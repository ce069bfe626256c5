// Inspect: what a model is, without an engine.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
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
  std::optional<tensor::Signature> signature;
};

// Blocking: reads the heads of the files and the structure of the model file. MODEL_INVALID as
// above.
Result<ModelDescription> InspectManifest(oci::ContentSource& content,
                                         const oci::Manifest& manifest);

// The format that a manifest states in its config (ModelPack's `config.format`), or that the names
// of its files tell. Pure: fits registry::FormatOf.
std::string FormatOfManifest(const oci::Manifest& manifest, std::string_view config_json);

// The path that a layer's annotations give its file: ModelPack's filepath, else the title; empty if
// there is none.
std::string LayerPath(const oci::Descriptor& layer);

}  // namespace slipway::model
