// How content leaves a repository, and how a repository goes.
#include "registry/limits.h"
#include "registry/lookup.h"
#include "registry/references.h"
#include "registry/repository_writer.h"
#include "registry/tag_moves.h"

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

}  // namespace

Result<void> RepositoryWriter::DeleteTag(const std::string& tag,
                                         const std::optional<Digest>& digest) {
  TRY(row, FindTag(transaction_, repository_, tag));
  if (!row || (digest && row->digest != *digest)) return UnknownManifest(repository_, tag);
  TRY_VOID(transaction_.Delete(TagKey(repository_, tag)));
  TRY_VOID(transaction_.Delete(TaggedKey(repository_, row->digest, tag)));
  TRY_VOID(RecordMove(transaction_, repository_,
                      {.tag = tag,
                       .digest = {},
                       .before = row->digest.text(),
                       .at = FormatRfc3339(clock_.Wall()),
                       .by = context_.identity.subject}));
  return projection_.RemoveTag(repository_, tag);
}

Result<void> RepositoryWriter::DeleteManifest(const Digest& digest, const CheckUnused& check) {
  TRY(row, FindManifest(transaction_, repository_, digest));
  if (!row) return UnknownManifest(repository_, digest.text());
  if (check) TRY_VOID(check(resources_, repository_, digest));
  const std::string prefix = TaggedPrefix(repository_, digest);
  TRY_VOID(ForEachRow(transaction_, prefix, [&](const store::KeyValue& entry) {
    return DeleteTag(entry.key.substr(prefix.size()));
  }));
  if (row->subject) {
    TRY_VOID(transaction_.Delete(ReferrerKey(repository_, *row->subject, digest)));
  }
  TRY_VOID(RemoveManifestReferences(transaction_, repository_, digest, row->object));
  TRY_VOID(transaction_.Delete(ManifestKey(repository_, digest)));
  return projection_.RemoveVersion(repository_, digest);
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

Result<void> RepositoryWriter::DeleteRepository(const CheckUnused& check, size_t& rows_left) {
  if (check) TRY_VOID(check(resources_, repository_, std::nullopt));
  auto remove = [&](const store::KeyValue& row) -> Result<void> {
    if (rows_left == 0) {
      return FailedPrecondition("CASCADE_TOO_LARGE",
                                "more than " + std::to_string(kMaxRemovedRows) +
                                    " entries of repositories would go with it: delete some "
                                    "repositories, or manifests and blobs of " +
                                    repository_ + ", first.");
    }
    --rows_left;
    return transaction_.Delete(row.key);
  };
  const std::string blobs = BlobPrefix(repository_);
  TRY_VOID(ForEachRow(transaction_, blobs, [&](const store::KeyValue& row) -> Result<void> {
    TRY(digest, Digest::Parse(std::string_view(row.key).substr(blobs.size())));
    TRY(blob, FindBlob(transaction_, repository_, digest));
    if (blob) TRY_VOID(RemoveBlobReference(transaction_, repository_, digest, blob->object));
    return remove(row);
  }));
  // Each with the rows about it, which are found by its own.
  const std::string manifests = ManifestPrefix(repository_);
  TRY_VOID(ForEachRow(transaction_, manifests, [&](const store::KeyValue& row) -> Result<void> {
    TRY(digest, Digest::Parse(std::string_view(row.key).substr(manifests.size())));
    TRY(manifest, FindManifest(transaction_, repository_, digest));
    if (manifest) {
      TRY_VOID(RemoveManifestReferences(transaction_, repository_, digest, manifest->object));
    }
    return remove(row);
  }));
  for (const std::string& prefix : {TagPrefix(repository_), TaggedPrefix(repository_),
                                    ReferrerPrefix(repository_), MovePrefix(repository_)}) {
    TRY_VOID(ForEachRow(transaction_, prefix, remove));
  }
  TRY_VOID(transaction_.Delete(MovesKey(repository_)));
  TRY_VOID(transaction_.Delete(RepositoryKey(repository_)));
  return projection_.RemoveModel(repository_);
}

}  // namespace slipway::registry
