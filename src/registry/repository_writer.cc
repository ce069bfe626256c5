#include "registry/repository_writer.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "oci/media_types.h"
#include "oci/reference.h"
#include "registry/damage.h"
#include "registry/limits.h"
#include "registry/lookup.h"
#include "registry/references.h"
#include "registry/referrers.h"
#include "resource/kinds/project.h"
#include "resource/project_policy.h"

namespace slipway::registry {
namespace {

constexpr size_t kNamedMissing = 8;

Error MissingContent(const std::vector<std::string>& missing) {
  std::string names;
  for (size_t i = 0; i < missing.size() && i < kNamedMissing; ++i) {
    names += (i == 0 ? "" : ", ") + missing[i];
  }
  if (missing.size() > kNamedMissing) {
    names += " and " + std::to_string(missing.size() - kNamedMissing) + " more";
  }
  return NotFound("MANIFEST_BLOB_UNKNOWN",
                  "the manifest names content that the repository does not have: " + names +
                      ". Push it first.");
}

Result<void> CheckSize(const oci::Descriptor& descriptor, const std::string& at,
                       uint64_t size_bytes) {
  if (size_bytes == descriptor.size_bytes) return {};
  return Error(Code::kInvalidArgument, "MANIFEST_INVALID",
               at + ".size is " + std::to_string(descriptor.size_bytes) + ", the content has " +
                   std::to_string(size_bytes) + " bytes.",
               {{"field", at + ".size"}});
}

Error BlobInUse(const Digest& blob, const Digest& manifest) {
  return FailedPrecondition("BLOB_IN_USE", "the blob " + blob.text() + " belongs to the manifest " +
                                               manifest.text() +
                                               " of this repository; delete that first.")
      .With("allow", "GET, HEAD");
}

}  // namespace

RepositoryWriter::RepositoryWriter(store::Transaction& transaction, const CallContext& context,
                                   const std::string& repository, Clock& clock, Random& random)
    : transaction_(transaction),
      context_(context),
      repository_(repository),
      clock_(clock),
      resources_(transaction, context, clock, random),
      projection_(resources_) {}

Result<void> RepositoryWriter::EnsureProject() {
  const std::string project(oci::ProjectOf(repository_));
  TRY(found, resources_.Find({.kind = "Project", .project = "", .name = project}));
  if (found && found->metadata.deleted_at) {
    return PermissionDenied("DENIED", "the project " + project + " is being deleted.");
  }
  if (found) return {};
  const auto role = trust::RoleIn(context_.identity, "");
  if (!role || *role != Role::kAdmin) {
    return PermissionDenied("DENIED", "there is no project " + project +
                                          ", and this token may not create projects. Push to a "
                                          "project that exists, or ask an administrator for it.");
  }
  resource::Resource made{.kind = "Project"};
  made.metadata.name = project;
  const auto created = resources_.Create(std::move(made));
  if (created) return {};
  if (created.error().code() != Code::kInvalidArgument) return created.error();
  // A repository's segment may be what no project is called.
  return InvalidArgument("NAME_INVALID",
                         "the first segment of the repository's name is its "
                         "project, and no project can be called " +
                             project + ": " + created.error().message());
}

Result<void> RepositoryWriter::EnsureRepository() {
  TRY_VOID(EnsureProject());
  const std::string key = RepositoryKey(repository_);
  TRY(found, transaction_.Get(key));
  if (found) return {};
  TRY(removing, transaction_.Get(RemovingKey(repository_)));
  if (removing) {
    return Unavailable(kRepositoryRemoving,
                       "the repository " + repository_ +
                           " was deleted, and what was in it is being taken away: try again");
  }
  Json row = Json::object();
  row["createdAt"] = FormatRfc3339(clock_.Wall());
  return transaction_.Put(key, DumpJson(row));
}

Result<bool> RepositoryWriter::IsDamagedObject(const Digest& object) const {
  if (!any_damage_) {
    TRY(rows, transaction_.ScanSizes(kDamagedPrefix, store::PrefixEnd(kDamagedPrefix), 1));
    any_damage_ = !rows.empty();
  }
  if (!*any_damage_) return false;
  return IsDamaged(transaction_, object);
}

// Of a row and a file of the same digest the row is read.
Result<void> RepositoryWriter::Heal(const VerifiedContent& content) {
  TRY(damaged, IsDamagedObject(content.object));
  if (!damaged || (!content.inline_bytes && !content.replaced)) return {};
  TRY_VOID(transaction_.Delete(ObjectKey(content.object)));
  return transaction_.Delete(DamagedKey(content.object));
}

Result<void> RepositoryWriter::StoreObject(const Digest& digest, const VerifiedContent& content) {
  if (digest.algorithm() != DigestAlgorithm::kSha256) {
    TRY_VOID(transaction_.Put(AliasKey(digest), content.object.text()));
  }
  TRY_VOID(Heal(content));
  if (!content.inline_bytes) return {};
  const std::string key = ObjectKey(content.object);
  TRY(found, transaction_.Get(key));
  return found ? Result<void>() : transaction_.Put(key, *content.inline_bytes);
}

Result<std::optional<BlobRow>> RepositoryWriter::FindReadable(const Digest& blob) const {
  auto row = FindBlob(transaction_, repository_, blob);
  if (!row && row.error().code() == Code::kDataLoss) return std::optional<BlobRow>();
  return row;
}

Result<void> RepositoryWriter::PutBlobRows(const Digest& digest, const BlobRow& row) {
  TRY(found, FindReadable(digest));
  if (found) return {};
  TRY_VOID(transaction_.Put(BlobKey(repository_, digest), EncodeRow(row)));
  return AddBlobReference(transaction_, repository_, digest, row.object);
}

Result<void> RepositoryWriter::AddBlob(const Digest& digest, const VerifiedContent& content) {
  TRY_VOID(EnsureRepository());
  TRY_VOID(StoreObject(digest, content));
  return PutBlobRows(digest, {.object = content.object, .size_bytes = content.size_bytes});
}

Result<bool> RepositoryWriter::MayPull(std::string_view repository,
                                       const trust::AccessClaims* limits) const {
  TRY(exists, RepositoryExists(transaction_, oci::CanonicalRepository(repository)));
  if (!exists) return false;
  const std::string_view project = oci::ProjectOf(repository);
  if (limits != nullptr && !trust::ActionsOn(limits->scopes, repository, resource::kDefaultProject)
                                .Has(trust::RepositoryActions::kPull)) {
    return false;
  }
  if (trust::CheckAccess(net::Access::kRegistryPull, context_.identity, project, true)) return true;
  return resource::AllowsAnonymousPull(transaction_, project);
}

Result<std::optional<BlobRow>> RepositoryWriter::FindMountable(const Digest& digest,
                                                               const std::string& from,
                                                               const trust::AccessClaims* limits) {
  if (!from.empty()) {
    TRY(allowed, MayPull(from, limits));
    if (!allowed) return std::optional<BlobRow>();
    return FindBlob(transaction_, oci::CanonicalRepository(from), digest);
  }
  const std::string prefix = HolderPrefix(digest);
  TRY(holders, transaction_.Scan(prefix, store::PrefixEnd(prefix), kMaxMountCandidates));
  for (const store::KeyValue& holder : holders) {
    const std::string_view repository = std::string_view(holder.key).substr(prefix.size());
    TRY(allowed, MayPull(repository, limits));
    if (allowed) return FindBlob(transaction_, repository, digest);
  }
  return std::optional<BlobRow>();
}

Result<bool> RepositoryWriter::MountBlob(const Digest& digest, const std::string& from,
                                         const trust::AccessClaims* limits) {
  TRY(row, FindMountable(digest, from, limits));
  if (!row) return false;
  TRY(damaged, IsDamagedObject(row->object));
  if (damaged) return false;
  TRY_VOID(EnsureRepository());
  TRY_VOID(PutBlobRows(digest, *row));
  return true;
}

Result<void> RepositoryWriter::DeleteBlob(const Digest& digest) {
  transaction_.MarkDeletion();
  TRY(exists, RepositoryExists(transaction_, repository_));
  if (!exists) return UnknownBlob(repository_, digest);
  TRY(found, FindBlob(transaction_, repository_, digest));
  if (!found) return UnknownBlob(repository_, digest);
  TRY(user, FindBlobUser(transaction_, repository_, digest));
  if (user) return BlobInUse(digest, *user);
  TRY_VOID(transaction_.Delete(BlobKey(repository_, digest)));
  return RemoveBlobReference(transaction_, repository_, digest, found->object);
}

Result<bool> RepositoryWriter::IsUnusable(const Digest& digest, const Digest& object,
                                          const std::vector<Digest>& lost) const {
  if (std::ranges::find(lost, digest) != lost.end()) return true;
  return IsDamagedObject(object);
}

Result<void> RepositoryWriter::CheckBlob(const oci::Descriptor& descriptor, const std::string& at,
                                         const std::vector<Digest>& lost,
                                         std::vector<std::string>& missing) const {
  TRY(row, FindReadable(descriptor.digest));
  bool unusable = !row;
  if (row) {
    TRY(found, IsUnusable(descriptor.digest, row->object, lost));
    unusable = found;
  }
  if (unusable) {
    missing.push_back(at + " " + descriptor.digest.text());
    return {};
  }
  return CheckSize(descriptor, at, row->size_bytes);
}

Result<void> RepositoryWriter::CheckChild(const oci::Descriptor& descriptor, const std::string& at,
                                          const std::vector<Digest>& lost,
                                          std::vector<std::string>& missing) const {
  TRY(row, FindManifest(transaction_, repository_, descriptor.digest));
  bool unusable = !row;
  if (row) {
    TRY(found, IsUnusable(descriptor.digest, row->object, lost));
    unusable = found;
  }
  if (!unusable) return CheckSize(descriptor, at, row->size_bytes);
  if (oci::IsManifestType(descriptor.media_type)) {
    missing.push_back(at + " " + descriptor.digest.text());
    return {};
  }
  return CheckBlob(descriptor, at, lost, missing);
}

Result<void> RepositoryWriter::CheckContents(const ManifestPush& push) const {
  const oci::Manifest& manifest = push.manifest;
  std::vector<std::string> missing;
  if (manifest.config) TRY_VOID(CheckBlob(*manifest.config, "config", push.lost, missing));
  for (size_t i = 0; i < manifest.layers.size(); ++i) {
    if (oci::IsNonDistributableType(manifest.layers[i].media_type)) continue;
    TRY_VOID(
        CheckBlob(manifest.layers[i], "layers[" + std::to_string(i) + "]", push.lost, missing));
  }
  for (size_t i = 0; i < manifest.children.size(); ++i) {
    TRY_VOID(CheckChild(manifest.children[i], "manifests[" + std::to_string(i) + "]", push.lost,
                        missing));
  }
  if (!missing.empty()) return MissingContent(missing);
  return {};
}

// Those that are there are those of the same bytes.
Result<void> RepositoryWriter::AddReferences(const ManifestPush& push, const ManifestRow& row) {
  TRY(there, HasManifestReferences(transaction_, repository_, push.digest));
  if (there) return {};
  return AddManifestReferences(transaction_, repository_, push.digest, row, NamedBy(push.manifest));
}

Result<void> RepositoryWriter::PutManifest(const ManifestPush& push) {
  TRY_VOID(EnsureRepository());
  TRY_VOID(CheckContents(push));
  TRY_VOID(StoreObject(push.digest, push.content));
  ManifestRow row{.object = push.content.object,
                  .size_bytes = push.content.size_bytes,
                  .media_type = push.manifest.media_type,
                  .artifact_type = std::string(push.manifest.EffectiveArtifactType()),
                  .subject = std::nullopt};
  if (push.manifest.subject) row.subject = push.manifest.subject->digest;
  const std::string encoded = EncodeRow(row);
  const std::string key = ManifestKey(repository_, push.digest);
  TRY(before, transaction_.Get(key));
  if (!before) TRY_VOID(CheckTagsAreRemoved(push.digest));
  if (before != encoded) TRY_VOID(transaction_.Put(key, encoded));
  if (before && before != encoded) {
    // Under another type the same bytes may name other content.
    TRY_VOID(RemoveManifestReferences(transaction_, repository_, push.digest, row.object));
  }
  TRY_VOID(AddReferences(push, row));
  if (row.subject && before != encoded) {
    TRY_VOID(transaction_.Put(ReferrerKey(repository_, *row.subject, push.digest),
                              EncodeReferrer(push.digest, row, push.manifest.annotations)));
  }
  TRY_VOID(projection_.AddVersion(repository_, push.digest, row, push.manifest, push.facts));
  for (const std::string& tag : push.tags) TRY_VOID(SetTag(tag, push.digest));
  return FinishChange();
}

// Blobs stay as long as a manifest names them, and foreign layers need not be there: of an image
// nothing can have gone. Children of an index without tags can.
Result<void> RepositoryWriter::CheckNamed(const Digest& digest, const ManifestRow& row) const {
  if (oci::IsManifestType(row.media_type) && !oci::IsIndexType(row.media_type)) return {};
  TRY(named, ReadNamed(transaction_, repository_, digest));
  std::vector<std::string> missing;
  for (const Digest& one : named) {
    TRY(child, FindManifest(transaction_, repository_, one));
    TRY(blob, FindBlob(transaction_, repository_, one));
    bool unusable = !child && !blob;
    if (!unusable) {
      TRY(damaged, IsDamagedObject(child ? child->object : blob->object));
      unusable = damaged;
    }
    if (unusable) missing.push_back(one.text());
  }
  if (!missing.empty()) return MissingContent(missing);
  return {};
}

Result<void> RepositoryWriter::AddTag(const std::string& tag, const Digest& digest) {
  TRY(row, FindManifest(transaction_, repository_, digest));
  if (!row) return UnknownManifest(repository_, digest.text());
  TRY_VOID(CheckNamed(digest, *row));
  TRY(there, FindTag(transaction_, repository_, tag));
  if (there) {
    return AlreadyExists("TAG_EXISTS", "the repository has a tag " + tag +
                                           " already; delete it first, or push to it.");
  }
  TRY_VOID(SetTag(tag, digest));
  return FinishChange();
}

Result<void> RepositoryWriter::SetTag(const std::string& tag, const Digest& digest) {
  TRY(before, FindTag(transaction_, repository_, tag));
  if (before && before->digest == digest) return {};
  if (before) TRY_VOID(transaction_.Delete(TaggedKey(repository_, before->digest, tag)));
  const TagRow row{.digest = digest, .updated_at = FormatRfc3339(clock_.Wall())};
  TRY_VOID(transaction_.Put(TagKey(repository_, tag), EncodeRow(row)));
  TRY_VOID(transaction_.Put(TaggedKey(repository_, digest, tag), ""));
  NoteMove(tag, digest.text(), before ? before->digest.text() : "");
  return {};
}

void RepositoryWriter::NoteMove(const std::string& tag, std::string digest, std::string before) {
  moves_.push_back({.tag = tag,
                    .digest = std::move(digest),
                    .before = std::move(before),
                    .at = FormatRfc3339(clock_.Wall()),
                    .by = context_.identity.subject});
}

Result<void> RepositoryWriter::FinishChange() {
  if (!moves_.empty()) projection_.NoteTagMoves();
  TRY_VOID(RecordMoves(transaction_, repository_, std::exchange(moves_, {})));
  return projection_.Finish(repository_);
}

}  // namespace slipway::registry
