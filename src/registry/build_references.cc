// The index rows of what a program without them wrote.
#include "base/log.h"
#include "registry/limits.h"
#include "registry/lookup.h"
#include "registry/references.h"

namespace slipway::registry {
namespace {

// "2" once every row has its index rows.
constexpr std::string_view kFormatKey = "registry/format";
constexpr std::string_view kFormat = "2";
// The last key of a manifest whose rows are made, while there are more.
constexpr std::string_view kProgressKey = "registry/format-progress";
constexpr std::string_view kManifests = "registry/manifest/";
constexpr std::string_view kSha512Holders = "registry/holder/sha512:";

struct OldManifest {
  std::string repository;
  Digest digest;
  ManifestRow row;
  std::vector<Digest> named;
};

// What is made in one transaction.
struct Batch {
  std::vector<OldManifest> manifests;
  size_t named = 0;
  std::string last_key;
  bool is_last = false;
};

// Nothing for a manifest that is not there, or is none: nobody can pull by it. Another error may
// pass, and what it hides may not be taken for garbage.
Result<std::vector<Digest>> ReadNamed(const store::Snapshot& snapshot, store::ObjectStore& objects,
                                      const std::string& repository, const Digest& digest,
                                      const ManifestRow& row) {
  const auto bytes = ReadManifestBytes(snapshot, objects, repository, digest);
  const auto manifest = bytes ? oci::ParseManifest(*bytes, row.media_type) : bytes.error();
  if (manifest) return NamedBy(*manifest);
  const Error& error = manifest.error();
  if (error.code() != Code::kNotFound && error.code() != Code::kInvalidArgument) {
    return error.Prefixed("the manifest " + digest.text() + " of " + repository + ": ");
  }
  LogWarning("a manifest cannot be read: what it names may be collected",
             {{"repository", repository}, {"digest", digest.text()}, {"error", error}});
  return std::vector<Digest>();
}

Result<Batch> ReadBatch(const store::Snapshot& snapshot, store::ObjectStore& objects,
                        const std::string& after) {
  Batch batch;
  const std::string begin = after.empty() ? std::string(kManifests) : after + '\0';
  TRY(rows, snapshot.ScanSizes(begin, store::PrefixEnd(kManifests), kIndexedTogether));
  batch.is_last = rows.size() < kIndexedTogether;
  for (const store::KeySize& row : rows) {
    if (batch.named > kIndexedNames) {
      batch.is_last = false;
      break;
    }
    batch.last_key = row.key;
    const std::string_view rest = std::string_view(row.key).substr(kManifests.size());
    const size_t at = rest.rfind('@');
    if (at == std::string_view::npos) continue;
    const auto digest = Digest::Parse(rest.substr(at + 1));
    if (!digest) continue;
    const std::string repository(rest.substr(0, at));
    TRY(found, FindManifest(snapshot, repository, *digest));
    if (!found) continue;
    TRY(named, ReadNamed(snapshot, objects, repository, *digest, *found));
    batch.named += named.size();
    batch.manifests.push_back({.repository = repository,
                               .digest = *digest,
                               .row = std::move(*found),
                               .named = std::move(named)});
  }
  return batch;
}

Result<void> WriteBatch(store::Transaction& transaction, const Batch& batch) {
  for (const OldManifest& old : batch.manifests) {
    TRY_VOID(AddManifestReferences(transaction, old.repository, old.digest, old.row, old.named));
  }
  return transaction.Put(kProgressKey, batch.last_key);
}

Result<void> IndexManifests(store::MetaStore& meta, store::ObjectStore& objects,
                            std::string last_key) {
  size_t count = 0;
  for (bool is_last = false; !is_last;) {
    Batch batch;
    TRY_VOID(meta.ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
      TRY(read, ReadBatch(snapshot, objects, last_key));
      batch = std::move(read);
      return {};
    }));
    is_last = batch.is_last;
    if (batch.last_key.empty()) break;
    last_key = batch.last_key;
    count += batch.manifests.size();
    TRY_VOID(meta.MutateNow(CallContext::System("registry"), [&](store::Transaction& transaction) {
      return WriteBatch(transaction, batch);
    }));
  }
  if (count > 0) LogInfo("indexed the registry's manifests", {{"count", count}});
  return {};
}

// A page of blobs that were pushed under their sha512; answers where the next begins.
Result<std::string> IndexSha512Page(store::Transaction& transaction, const std::string& begin) {
  TRY(rows, transaction.ScanSizes(begin, store::PrefixEnd(kSha512Holders), kIndexedTogether));
  for (const store::KeySize& row : rows) {
    const std::string_view rest = std::string_view(row.key).substr(
        kSha512Holders.size() - std::string_view("sha512:").size());
    const size_t at = rest.find('@');
    if (at == std::string_view::npos) continue;
    const auto digest = Digest::Parse(rest.substr(0, at));
    if (!digest) continue;
    const std::string_view repository = rest.substr(at + 1);
    TRY(blob, FindBlob(transaction, repository, *digest));
    if (blob) TRY_VOID(AddBlobReference(transaction, repository, *digest, blob->object));
  }
  return rows.size() < kIndexedTogether ? std::string() : rows.back().key + '\0';
}

}  // namespace

Result<void> BuildReferences(store::MetaStore& meta, store::ObjectStore& objects) {
  bool done = false;
  std::string progress;
  TRY_VOID(meta.ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(format, snapshot.Get(kFormatKey));
    TRY(reached, snapshot.Get(kProgressKey));
    done = format == kFormat;
    progress = std::move(reached).value_or("");
    return {};
  }));
  if (done) return {};
  TRY_VOID(IndexManifests(meta, objects, std::move(progress)));
  const CallContext context = CallContext::System("registry");
  for (std::string begin(kSha512Holders); !begin.empty();) {
    TRY_VOID(meta.MutateNow(context, [&](store::Transaction& transaction) -> Result<void> {
      TRY(next, IndexSha512Page(transaction, begin));
      begin = std::move(next);
      return {};
    }));
  }
  return meta.MutateNow(context, [](store::Transaction& transaction) -> Result<void> {
    TRY_VOID(transaction.Delete(kProgressKey));
    return transaction.Put(kFormatKey, kFormat);
  });
}

}  // namespace slipway::registry
