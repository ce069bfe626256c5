// How content leaves a repository, and how a repository goes.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "oci/reference.h"
#include "registry/limits.h"
#include "registry/lookup.h"
#include "registry/references.h"
#include "registry/referrers.h"
#include "registry/repository_writer.h"

namespace slipway::registry {
namespace {

constexpr size_t kScanPage = 500;

// Calls `visit` for the rows with this prefix, which it may delete.
template <class Visit>
Result<void> ForEachRow(const store::Snapshot& snapshot, const std::string& prefix, Visit visit) {
  std::string begin = prefix;
  while (true) {
    TRY(rows, snapshot.Scan(begin, store::PrefixEnd(prefix), kScanPage));
    for (const store::KeyValue& row : rows) TRY_VOID(visit(row));
    if (rows.size() < kScanPage) return {};
    begin = rows.back().key + '\0';
  }
}

// Whether somebody counts on what the index names: it has a tag, other than that of a list of
// referrers that a client keeps, or belongs to an index itself.
Result<bool> IsCountedOn(const store::Snapshot& snapshot, std::string_view repository,
                         const Digest& index) {
  const std::string prefix = TaggedPrefix(repository, index);
  TRY(tags, snapshot.ScanSizes(prefix, store::PrefixEnd(prefix), kScanPage));
  const bool tagged = std::ranges::any_of(tags, [&](const store::KeySize& tag) {
    return !IsFallbackTag(std::string_view(tag.key).substr(prefix.size()));
  });
  if (tagged) return true;
  TRY(outer, FindBlobUser(snapshot, repository, index));
  return outer.has_value();
}

// An index of the repository that needs the manifest, if there is one.
Result<std::optional<Digest>> FindIndexOf(const store::Snapshot& snapshot,
                                          std::string_view repository, const Digest& manifest) {
  const std::string prefix = UsedPrefix(repository, manifest);
  std::optional<Digest> found;
  TRY_VOID(ForEachRow(snapshot, prefix, [&](const store::KeyValue& row) -> Result<void> {
    TRY(index, Digest::Parse(std::string_view(row.key).substr(prefix.size())));
    if (found || index == manifest) return {};
    TRY(counts, IsCountedOn(snapshot, repository, index));
    if (counts) found = std::move(index);
    return {};
  }));
  return found;
}

// The sha256 of a content by its row. Of a row that cannot be read the digest says it, as far as it
// can: such a row must not keep all others from going.
template <class Row>
Result<Digest> ObjectOf(const store::Snapshot& snapshot, const Result<std::optional<Row>>& row,
                        const Digest& digest) {
  if (row) return *row ? (*row)->object : digest;
  if (row.error().code() != Code::kDataLoss) return row.error();
  const auto alias = ResolveAlias(snapshot, digest);
  return alias && *alias ? **alias : digest;
}

Error ManifestInUse(const Digest& manifest, const Digest& index) {
  return FailedPrecondition("MANIFEST_IN_USE", "the manifest " + manifest.text() +
                                                   " belongs to the index " + index.text() +
                                                   " of this repository; delete that first.")
      .With("allow", "GET, HEAD, PUT");
}

}  // namespace

Result<void> RepositoryWriter::DeleteTag(const std::string& tag,
                                         const std::optional<Digest>& digest) {
  transaction_.MarkDeletion();
  TRY(exists, RepositoryExists(transaction_, repository_));
  if (!exists) return UnknownManifest(repository_, tag);
  TRY(row, FindTag(transaction_, repository_, tag));
  if (!row || (digest && row->digest != *digest)) return UnknownManifest(repository_, tag);
  TRY_VOID(RemoveTag(tag, row->digest));
  return FinishChange();
}

Result<void> RepositoryWriter::RemoveTag(const std::string& tag, const Digest& digest) {
  TRY_VOID(transaction_.Delete(TagKey(repository_, tag)));
  TRY_VOID(transaction_.Delete(TaggedKey(repository_, digest, tag)));
  NoteMove(tag, "", digest.text());
  return {};
}

Result<bool> RepositoryWriter::RemoveTags(const Digest& manifest) {
  const std::string prefix = TaggedPrefix(repository_, manifest);
  TRY(rows, transaction_.ScanSizes(prefix, store::PrefixEnd(prefix), kTagsRemovedAtOnce));
  for (const store::KeySize& row : rows) {
    TRY_VOID(RemoveTag(row.key.substr(prefix.size()), manifest));
  }
  return rows.size() == kTagsRemovedAtOnce;
}

Result<void> RepositoryWriter::DeleteManifest(const Digest& digest, const CheckUnused& check) {
  transaction_.MarkDeletion();
  TRY(exists, RepositoryExists(transaction_, repository_));
  if (!exists) return UnknownManifest(repository_, digest.text());
  TRY(row, FindManifest(transaction_, repository_, digest));
  if (!row) return UnknownManifest(repository_, digest.text());
  if (check) TRY_VOID(check(resources_, repository_, digest));
  TRY(index, FindIndexOf(transaction_, repository_, digest));
  if (index) return ManifestInUse(digest, *index);
  TRY(left_tags, RemoveTags(digest));
  left_tags_ = left_tags;
  if (left_tags) TRY_VOID(PutRemoval(RemovingTagsKey(repository_, digest)));
  if (row->subject) {
    TRY_VOID(transaction_.Delete(ReferrerKey(repository_, *row->subject, digest)));
  }
  TRY_VOID(RemoveManifestReferences(transaction_, repository_, digest, row->object));
  TRY_VOID(transaction_.Delete(ManifestKey(repository_, digest)));
  TRY_VOID(projection_.RemoveVersion(repository_, digest));
  return FinishChange();
}

Result<void> RepositoryWriter::PutRemoval(const std::string& key) {
  const Json row = {{"at", FormatRfc3339(clock_.Wall())}, {"by", context_.identity.subject}};
  return transaction_.Put(key, DumpJson(row));
}

Result<void> RepositoryWriter::CheckTagsAreRemoved(const Digest& manifest) const {
  TRY(removing, transaction_.Get(RemovingTagsKey(repository_, manifest)));
  if (!removing) return {};
  return Unavailable(kRepositoryRemoving, "the manifest " + manifest.text() +
                                              " was deleted, and its tags are being taken away: "
                                              "try again");
}

Result<std::optional<Digest>> RepositoryWriter::FindOtherThanModels() const {
  const std::string prefix = OtherPrefix(repository_);
  TRY(rows, transaction_.ScanSizes(prefix, store::PrefixEnd(prefix), 1));
  if (rows.empty()) return std::optional<Digest>();
  TRY(digest, Digest::Parse(std::string_view(rows[0].key).substr(prefix.size())));
  return std::optional(std::move(digest));
}

Result<bool> RepositoryWriter::HasManifests() const {
  const std::string prefix = ManifestPrefix(repository_);
  TRY(rows, transaction_.ScanSizes(prefix, store::PrefixEnd(prefix), 1));
  return !rows.empty();
}

Result<void> RepositoryWriter::DeleteRepository(const CheckUnused& check) {
  size_t budget = kRemovedAtOnce;
  return DeleteRepository(check, budget);
}

Result<void> RepositoryWriter::DeleteRepository(const CheckUnused& check, size_t& budget) {
  transaction_.MarkDeletion();
  TRY(exists, RepositoryExists(transaction_, repository_));
  if (!exists) return {};
  if (check) TRY_VOID(check(resources_, repository_, std::nullopt));
  TRY_VOID(transaction_.Delete(RepositoryKey(repository_)));
  TRY_VOID(transaction_.Delete(MovesKey(repository_)));
  TRY(more, RemoveRows(budget));
  if (!more) return projection_.RemoveModel(repository_);
  TRY_VOID(PutRemoval(RemovingKey(repository_)));
  return projection_.BeginRemoval(repository_);
}

Result<bool> RepositoryWriter::ContinueRemoval() {
  transaction_.MarkDeletion();
  TRY(removing, transaction_.Get(RemovingKey(repository_)));
  if (removing) {
    size_t budget = kRemovedAtOnce;
    TRY(more, RemoveRows(budget));
    if (more) return true;
    TRY_VOID(EndRemoval());
  }
  const std::string prefix = RemovingTagsPrefix(repository_);
  TRY(manifests, transaction_.ScanSizes(prefix, store::PrefixEnd(prefix), 1));
  if (manifests.empty()) return false;
  TRY(manifest, Digest::Parse(std::string_view(manifests[0].key).substr(prefix.size())));
  return ContinueRemovalOfTags(manifest);
}

// True: there may be those of another manifest.
Result<bool> RepositoryWriter::ContinueRemovalOfTags(const Digest& manifest) {
  TRY(more, RemoveTags(manifest));
  if (!more) {
    TRY_VOID(transaction_.Delete(RemovingTagsKey(repository_, manifest)));
    TRY_VOID(LetGoOfProject());
  }
  TRY_VOID(FinishChange());
  return true;
}

Result<bool> RepositoryWriter::RemoveRows(size_t& budget) {
  if (budget == 0) return true;
  TRY(more_blobs, RemoveBlobRows(budget));
  if (more_blobs) return true;
  TRY(more_manifests, RemoveManifestRows(budget));
  if (more_manifests) return true;
  // The others are found by the repository alone.
  for (const std::string& prefix :
       {TagPrefix(repository_), TaggedPrefix(repository_), ReferrerPrefix(repository_),
        MovePrefix(repository_), UsedPrefix(repository_), NamesPrefix(repository_),
        OtherPrefix(repository_)}) {
    if (budget == 0) return true;
    TRY(rows, transaction_.ScanSizes(prefix, store::PrefixEnd(prefix), budget));
    for (const store::KeySize& row : rows) TRY_VOID(transaction_.Delete(row.key));
    budget -= rows.size();
  }
  return budget == 0;
}

Result<bool> RepositoryWriter::RemoveBlobRows(size_t& budget) {
  const std::string prefix = BlobPrefix(repository_);
  TRY(rows, transaction_.ScanSizes(prefix, store::PrefixEnd(prefix), budget));
  for (const store::KeySize& row : rows) {
    TRY(digest, Digest::Parse(std::string_view(row.key).substr(prefix.size())));
    TRY(object, ObjectOf(transaction_, FindBlob(transaction_, repository_, digest), digest));
    TRY_VOID(RemoveBlobReference(transaction_, repository_, digest, object));
    TRY_VOID(transaction_.Delete(row.key));
  }
  budget -= rows.size();
  return budget == 0;
}

// Each with what is found by its own row alone.
Result<bool> RepositoryWriter::RemoveManifestRows(size_t& budget) {
  const std::string prefix = ManifestPrefix(repository_);
  TRY(rows, transaction_.ScanSizes(prefix, store::PrefixEnd(prefix), budget));
  for (const store::KeySize& row : rows) {
    if (budget == 0) return true;
    TRY(digest, Digest::Parse(std::string_view(row.key).substr(prefix.size())));
    TRY(object, ObjectOf(transaction_, FindManifest(transaction_, repository_, digest), digest));
    TRY_VOID(RemoveManifestUser(transaction_, repository_, digest, object));
    TRY(had_version, projection_.ForgetVersion(repository_, digest));
    TRY_VOID(transaction_.Delete(row.key));
    budget -= std::min(budget, had_version ? kRowsOfVersion : 1);
  }
  return budget == 0;
}

Result<void> RepositoryWriter::EndRemoval() {
  TRY_VOID(transaction_.Delete(RemovingKey(repository_)));
  TRY_VOID(projection_.EndRemoval(repository_));
  return LetGoOfProject();
}

Result<void> RepositoryWriter::LetGoOfProject() {
  const std::string project(oci::ProjectOf(repository_));
  const std::string others = RemovingKey(project + "/");
  TRY(left, transaction_.ScanSizes(others, store::PrefixEnd(others), 1));
  if (!left.empty()) return {};
  return LetGo(resources_, {.kind = "Project", .project = "", .name = project});
}

}  // namespace slipway::registry
