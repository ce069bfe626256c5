// RepositoryWriter: every change of a repository's rows, as it runs inside of one transaction. No
// I/O but the transaction's, so that it is tested on a store in memory.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/random.h"
#include "oci/manifest.h"
#include "registry/projection.h"
#include "registry/rows.h"
#include "registry/tag_moves.h"
#include "resource/resource_transaction.h"
#include "trust/access.h"

namespace slipway::registry {

// Content that is verified and on its way into the rows.
struct VerifiedContent {
  Digest object;  // sha256
  uint64_t size_bytes = 0;
  std::optional<std::string> inline_bytes;  // up to kMaxInlineBytes; else it is in the object store
  bool replaced = false;  // in the object store the bytes took the place of what was there
};

// Whether nobody needs this manifest (any of the repository, without a digest): an error, such as
// FAILED_PRECONDITION / MODEL_IN_USE, names who does. May be empty: then nobody does.
using CheckUnused = std::function<Result<void>(
    resource::ResourceTransaction&, const std::string& repository, const std::optional<Digest>&)>;

struct ManifestPush {
  VerifiedContent content;
  Digest digest;  // under which it is pushed; sha256 unless the caller named a sha512
  oci::Manifest manifest;
  std::vector<std::string> tags;  // that shall point at it
  std::optional<PreparedFacts> facts = std::nullopt;
  std::vector<Digest> lost = {};  // named by it, with rows but without bytes
};

// The reason why a repository of the name of one that is still being removed cannot be made yet,
// nor a manifest be pushed whose tags are.
inline constexpr std::string_view kRepositoryRemoving = "REPOSITORY_REMOVING";

class RepositoryWriter {
 public:
  // `repository` is canonical. All arguments outlive the writer, which lives as long as its
  // transaction at most.
  RepositoryWriter(store::Transaction& transaction, const CallContext& context,
                   const std::string& repository, Clock& clock, Random& random);

  // Makes the blob visible in the repository. Makes the repository, and its project if the caller
  // may: PERMISSION_DENIED / DENIED with a sentence otherwise.
  Result<void> AddBlob(const Digest& digest, const VerifiedContent& content);
  // false if the caller may pull it from no repository that has it; nothing changes then. `from`
  // empty: from any. `limits` are those of the access token that the caller sent, if he sent one:
  // only repositories that it names with `pull` count then.
  Result<bool> MountBlob(const Digest& digest, const std::string& from,
                         const trust::AccessClaims* limits = nullptr);
  // NOT_FOUND / BLOB_UNKNOWN. FAILED_PRECONDITION / BLOB_IN_USE while a manifest names it.
  Result<void> DeleteBlob(const Digest& digest);

  // NOT_FOUND / MANIFEST_BLOB_UNKNOWN for content that the repository does not have, with all of
  // the first few named; INVALID_ARGUMENT / MANIFEST_INVALID where sizes disagree; ABORTED /
  // kFactsStale where its facts have to be prepared again.
  Result<void> PutManifest(const ManifestPush& push);
  // The manifest, all tags that point at it, and its place among the referrers. Of many tags only
  // kTagsRemovedAtOnce go at once: ContinueRemoval has to be called until all are gone, and until
  // then they point at nothing, and a push of this manifest is UNAVAILABLE / kRepositoryRemoving.
  // FAILED_PRECONDITION / MANIFEST_IN_USE while an index names it that has a tag, or belongs to
  // another index.
  Result<void> DeleteManifest(const Digest& digest, const CheckUnused& check);
  // One more tag of a manifest that is there. NOT_FOUND / MANIFEST_BLOB_UNKNOWN for an index whose
  // children are not; ALREADY_EXISTS / TAG_EXISTS if the repository has the
  // tag, wherever it points.
  Result<void> AddTag(const std::string& tag, const Digest& digest);
  // With `digest`: NOT_FOUND / MANIFEST_UNKNOWN also if it points elsewhere.
  Result<void> DeleteTag(const std::string& tag, const std::optional<Digest>& digest = {});
  // A manifest that is neither a model nor about another manifest, if there is one.
  Result<std::optional<Digest>> FindOtherThanModels() const;
  Result<bool> HasManifests() const;
  // All that is in it, and the repository itself: from now on nobody finds it. Of its rows only
  // about `budget` go at once, which is lowered; where there are more, ContinueRemoval has to be
  // called until all are gone, and a push to the repository is UNAVAILABLE / kRepositoryRemoving
  // until then. Its Model is marked as deleted as long. Nothing happens without such a repository.
  Result<void> DeleteRepository(const CheckUnused& check, size_t& budget);
  Result<void> DeleteRepository(const CheckUnused& check);  // with kRemovedAtOnce
  // Takes the next rows of a repository that was deleted, or of tags whose manifest was. False when
  // all are gone.
  Result<bool> ContinueRemoval();
  // Whether DeleteManifest left tags to ContinueRemoval.
  bool left_tags() const { return left_tags_; }

 private:
  Result<void> EnsureRepository();
  // Takes up to about `budget` rows; true if there may be more.
  Result<bool> RemoveRows(size_t& budget);
  Result<bool> RemoveBlobRows(size_t& budget);
  Result<bool> RemoveManifestRows(size_t& budget);
  // What was marked for the time of the removal goes.
  Result<void> EndRemoval();
  // The project, if it was deleted and this was the last removal in it.
  Result<void> LetGoOfProject();
  // Takes up to kTagsRemovedAtOnce tags of the manifest; true if there are more.
  Result<bool> RemoveTags(const Digest& manifest);
  Result<bool> ContinueRemovalOfTags(const Digest& manifest);
  // The row that says what is being removed.
  Result<void> PutRemoval(const std::string& key);
  Result<void> CheckTagsAreRemoved(const Digest& manifest) const;
  Result<void> EnsureProject();
  Result<void> StoreObject(const Digest& digest, const VerifiedContent& content);
  // Whether it was found damaged: then it is as if it were not there.
  Result<bool> IsDamagedObject(const Digest& object) const;
  Result<void> Heal(const VerifiedContent& content);
  // Nothing also for a row that cannot be read: a push writes it anew.
  Result<std::optional<BlobRow>> FindReadable(const Digest& blob) const;
  Result<void> PutBlobRows(const Digest& digest, const BlobRow& row);
  Result<std::optional<BlobRow>> FindMountable(const Digest& digest, const std::string& from,
                                               const trust::AccessClaims* limits);
  Result<bool> MayPull(std::string_view repository, const trust::AccessClaims* limits) const;
  Result<void> CheckContents(const ManifestPush& push) const;
  // The same of a manifest that is there.
  Result<void> CheckNamed(const Digest& digest, const ManifestRow& row) const;
  // Whether it is not to be built on: damaged, or among `lost`.
  Result<bool> IsUnusable(const Digest& digest, const Digest& object,
                          const std::vector<Digest>& lost) const;
  // Adds to `missing` what the repository does not have.
  Result<void> CheckBlob(const oci::Descriptor& descriptor, const std::string& at,
                         const std::vector<Digest>& lost, std::vector<std::string>& missing) const;
  Result<void> CheckChild(const oci::Descriptor& descriptor, const std::string& at,
                          const std::vector<Digest>& lost, std::vector<std::string>& missing) const;
  Result<void> SetTag(const std::string& tag, const Digest& digest);
  Result<void> RemoveTag(const std::string& tag, const Digest& digest);
  // An empty digest: the tag is removed, or is new.
  void NoteMove(const std::string& tag, std::string digest, std::string before);
  // Writes what is told once of all that a change did: the moves of tags, and the Model.
  Result<void> FinishChange();

  Result<void> AddReferences(const ManifestPush& push, const ManifestRow& row);
  std::vector<TagMove> moves_;
  bool left_tags_ = false;
  mutable std::optional<bool> any_damage_;  // when it was asked for
  store::Transaction& transaction_;
  const CallContext& context_;
  const std::string& repository_;
  Clock& clock_;
  resource::ResourceTransaction resources_;
  Projection projection_;
};

}  // namespace slipway::registry
