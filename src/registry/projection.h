// Projection: what the registry holds of models, as Model and ModelVersion resources. Written in
// the registry's own transactions, so that both always agree.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "oci/manifest.h"
#include "registry/rows.h"
#include "resource/kinds/model.h"
#include "resource/resource_transaction.h"

namespace slipway::registry {

// The content that a descriptor names, or nothing where it is too large to be read in a
// transaction.
using FetchSmall = std::function<Result<std::optional<std::string>>(const oci::Descriptor&)>;
// What a manifest tells of a model. Quick; its errors are those of the fetch.
using FactsOf =
    std::function<Result<resource::ModelFacts>(const oci::Manifest&, const FetchSmall&)>;

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
  Projection(resource::ResourceTransaction& resources, const FactsOf& facts_of)
      : resources_(resources), facts_of_(facts_of) {}

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
  Result<resource::ModelFacts> FactsOfManifest(const std::string& repository,
                                               const oci::Manifest& manifest) const;
  Result<void> ChangeStatus(const std::string& repository,
                            const std::function<void(Json& status)>& change);

  resource::ResourceTransaction& resources_;
  const FactsOf& facts_of_;
};

}  // namespace slipway::registry
