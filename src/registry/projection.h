// Projection: what the registry holds of models, as Model and ModelVersion resources. Written in
// the registry's own transactions, so that both always agree.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "oci/manifest.h"
#include "registry/rows.h"
#include "resource/resource_transaction.h"

namespace slipway::registry {

// The model format ("onnx", ...; empty: not recognised) of a manifest and its config's JSON, which
// is empty where it is too large to be read in a transaction. Pure and quick.
using FormatOf = std::function<std::string(const oci::Manifest&, std::string_view config_json)>;

// Whether manifests of this effective artifact type are shown as models.
bool IsModelType(std::string_view artifact_type);

// The resources of a repository and of a manifest in it. `repository` may have one segment. The
// name is the rest of the repository after the project, where that is a resource's name of at most
// 46 bytes, else its readable part and 8 hex digits of its sha256; a version adds 16 hex digits of
// the manifest's digest.
resource::Key ModelKey(std::string_view repository);
resource::Key ModelVersionKey(std::string_view repository, const Digest& manifest_digest);

class Projection {
 public:
  Projection(resource::ResourceTransaction& resources, const FormatOf& format_of)
      : resources_(resources), format_of_(format_of) {}

  // The manifest was pushed; nothing happens if its version is there.
  Result<void> AddVersion(const std::string& repository, const Digest& digest,
                          const ManifestRow& row, const oci::Manifest& manifest);
  Result<void> RemoveVersion(const std::string& repository, const Digest& digest);
  // The repository is gone: its Model goes, with all versions.
  Result<void> RemoveModel(const std::string& repository);
  // The tag points at this manifest now; a manifest that is no model takes the tag away.
  Result<void> SetTag(const std::string& repository, const std::string& tag, const Digest& digest,
                      bool is_model);
  Result<void> RemoveTag(const std::string& repository, const std::string& tag);

 private:
  Result<resource::Resource> EnsureModel(const std::string& repository);
  Result<std::string> FormatOfManifest(const std::string& repository,
                                       const oci::Manifest& manifest) const;
  Result<void> ChangeStatus(const std::string& repository,
                            const std::function<void(Json& status)>& change);

  resource::ResourceTransaction& resources_;
  const FormatOf& format_of_;
};

}  // namespace slipway::registry
