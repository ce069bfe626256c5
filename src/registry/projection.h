// Projection: what the registry holds of models, as Model and ModelVersion resources. Written in
// the registry's own transactions, so that both always agree. Tags are not among it: a push must
// not cost more where there are many (shown_tags.h tells them to those who look).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "oci/manifest.h"
#include "registry/facts.h"
#include "registry/rows.h"
#include "resource/kinds/model.h"
#include "resource/resource_transaction.h"

namespace slipway::registry {

// Whether manifests of this effective artifact type are shown as models.
bool IsModelType(std::string_view artifact_type);

// The resources of a repository and of a manifest in it. `repository` may have one segment. The
// name is the rest of the repository after the project, where that is a resource's name of at most
// 46 bytes, else its readable part and 8 hex digits of its sha256; a version adds 16 hex digits of
// the manifest's digest.
resource::Key ModelKey(std::string_view repository);
resource::Key ModelVersionKey(std::string_view repository, const Digest& manifest_digest);

// The finalizer of what goes with the last row of a repository: its Model, and its Project if that
// was deleted too.
inline constexpr std::string_view kRemovalFinalizer = "registry-removal";
// Sets it, unless the resource is marked as deleted already.
Result<void> Hold(resource::ResourceTransaction& resources, const resource::Resource& held);
// Takes it away, and the resource goes if it is marked as deleted; nothing happens without it.
Result<void> LetGo(resource::ResourceTransaction& resources, const resource::Key& key);

class Projection {
 public:
  explicit Projection(resource::ResourceTransaction& resources) : resources_(resources) {}

  // The manifest was pushed; nothing happens if its version is there. ABORTED / kFactsStale
  // (facts.h) if it is not, and `facts` are missing or miss what the repository has by now.
  Result<void> AddVersion(const std::string& repository, const Digest& digest,
                          const ManifestRow& row, const oci::Manifest& manifest,
                          const std::optional<PreparedFacts>& facts);
  // The repository is gone: its Model goes, with all versions.
  Result<void> RemoveModel(const std::string& repository);
  // The same where its versions go first, one by one, with ForgetVersion: until EndRemoval the
  // Model is there, marked as deleted.
  Result<void> BeginRemoval(const std::string& repository);
  // Whether there was a version of the manifest; its Model is left as it is.
  Result<bool> ForgetVersion(const std::string& repository, const Digest& digest);
  Result<void> EndRemoval(const std::string& repository);
  // The same where the Model lives on, or goes with its last version.
  Result<void> RemoveVersion(const std::string& repository, const Digest& digest);
  // Tags of the repository were set, moved or removed.
  void NoteTagMoves() { tags_moved_ = true; }
  // Tells the Model what came of the calls before: once, however many they were. To be called at
  // the end of a change.
  Result<void> Finish(const std::string& repository);

 private:
  // The repository's, if it has one: the name may be that of another repository.
  Result<std::optional<resource::Resource>> FindModel(const std::string& repository) const;
  Result<resource::Resource> EnsureModel(const std::string& repository);
  Result<void> CheckFacts(const std::string& repository,
                          const std::optional<PreparedFacts>& facts) const;

  resource::ResourceTransaction& resources_;
  int64_t versions_added_ = 0;  // not told yet; negative: removed
  bool tags_moved_ = false;     // the same
};

}  // namespace slipway::registry
