// ReadMetadata: the one way to the metadata of a package, whoever made it.
//
//   form         where it is looked for, the first that is there
//   ModelPack    a layer with the path model.yaml or model.json that is ours (IsMetadata), or
//                ormbfile.yaml; KitOps' annotation; the config's descriptor
//   ormb         the config
//   KitOps       the config, which is the Kitfile
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/metadata/metadata.h"
#include "oci/manifest.h"
#include "oci/model_types.h"
#include "resource/kinds/model.h"
#include "tensor/signature.h"

namespace slipway::model {

struct FoundMetadata {
  Metadata metadata;
  std::string source;  // "model.yaml", "model.json", "ormbfile.yaml", "Kitfile", "config"; or empty
  std::string document;  // what was read, as it is kept
  // Why a document that is there could not be read: a sentence. The metadata are the config's then.
  std::string problem;
};

// The content of a layer, or nothing where it is too large to be read here.
using FetchContent = std::function<Result<std::optional<std::string>>(const oci::Descriptor&)>;

// `config_json` may be empty: not at hand. Errors are those of `fetch`: nothing that a package says
// is one.
Result<FoundMetadata> ReadMetadata(const oci::Manifest& manifest, std::string_view config_json,
                                   const FetchContent& fetch);

oci::ModelForm FormOf(const oci::Manifest& manifest);

// The layer with the README: the one that the metadata name, else README.md; nullptr if there is
// none that is a file of its own.
const oci::Descriptor* ReadmeLayer(const oci::Manifest& manifest, const Metadata& metadata);

// What a database keeps of it, within kMaxSummaryEntries and kMaxSummaryTextBytes.
resource::ModelMetadata Summarise(const FoundMetadata& found);
// With V2's names for types that it has ("float32" is "FP32"); others as they are stated.
std::vector<resource::TensorSpec> SpecsOf(const std::vector<StatedTensor>& tensors);
// What a model file says, with NumPy's names for types: for a document that a person goes on with.
std::vector<StatedTensor> StatedOf(const std::vector<tensor::TensorSpec>& tensors);

}  // namespace slipway::model
