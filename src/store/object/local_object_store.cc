#include <array>
#include <mutex>
#include <set>

#include "base/check.h"
#include "base/crash_point.h"
#include "store/object/local_spool.h"
#include "store/object/object_store.h"

namespace slipway::store {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

class LocalObjectStore final : public ObjectStore {
 public:
  LocalObjectStore(FileSystem& files, const std::string& root, DiskReserve reserve)
      : files_(files),
        blobs_(root + "/blobs/sha256"),
        spools_(files, root + "/uploads", std::move(reserve)) {}

  // Makes what is missing, and syncs also what a process made that died before it had synced it.
  static Result<std::unique_ptr<LocalObjectStore>> Make(FileSystem& files, const std::string& root,
                                                        DiskReserve reserve);

  Result<std::unique_ptr<Upload>> Begin() override {
    TRY(upload, spools_.Begin());
    return upload;
  }
  Result<std::unique_ptr<Upload>> Resume(const std::string& id) override {
    TRY(upload, spools_.Resume(id));
    return upload;
  }
  Result<Digest> Commit(std::unique_ptr<Upload> upload, const std::optional<Digest>& expected,
                        const BeforePublish& before_publish) override;
  Result<void> Abort(const std::string& upload_id) override { return spools_.Abort(upload_id); }

  Result<ObjectInfo> Info(const Digest& digest) override;
  Result<std::unique_ptr<File>> Open(const Digest& digest) override;
  Result<void> Remove(const Digest& digest) override;
  Result<std::vector<ListedObject>> List(const std::optional<Digest>& after, size_t limit) override;
  Result<uint64_t> RemoveStaleUploads(uint64_t before_ms) override {
    return spools_.RemoveStale(before_ms);
  }
  std::optional<std::string> LocalPath(const Digest& digest) const override {
    if (digest.algorithm() != DigestAlgorithm::kSha256) return std::nullopt;
    return PathOf(digest);
  }

 private:
  std::string FolderOf(const Digest& digest) const {
    return blobs_ + "/" + std::string(digest.hex().substr(0, 2));
  }
  std::string PathOf(const Digest& digest) const {
    return FolderOf(digest) + "/" + std::string(digest.hex());
  }
  static size_t StripeOf(const Digest& digest) { return kHexDigits.find(digest.hex().front()); }
  // Held for renames and removals, so that an object's inode never changes while it is there.
  std::mutex& LockOf(const Digest& digest) { return locks_[StripeOf(digest)]; }
  // The folder of this digest exists, durably. Under its lock.
  Result<void> PrepareFolder(const Digest& digest);
  Result<void> Publish(LocalUpload& upload, const Digest& digest, Publication publication);
  // Adds the objects of one folder after `after` until there are `limit`.
  Result<void> ListFolder(const std::string& name, const std::optional<Digest>& after, size_t limit,
                          std::vector<ListedObject>& found);

  FileSystem& files_;
  const std::string blobs_;
  LocalSpools spools_;
  std::array<std::mutex, 16> locks_;
  std::set<std::string, std::less<>> ready_[16];  // under the lock of the same index
};

Result<std::unique_ptr<LocalObjectStore>> LocalObjectStore::Make(FileSystem& files,
                                                                 const std::string& root,
                                                                 DiskReserve reserve) {
  const std::string blobs = root + "/blobs/sha256";
  TRY_VOID(files.MakeDirectories(blobs));
  TRY_VOID(files.MakeDirectories(root + "/uploads"));
  TRY(folders, files.List(blobs));
  TRY_VOID(files.SyncDirectory(blobs));
  TRY_VOID(files.SyncDirectory(root + "/blobs"));
  TRY_VOID(files.SyncDirectory(root));
  auto store = std::make_unique<LocalObjectStore>(files, root, std::move(reserve));
  TRY_VOID(store->spools_.Recover());
  for (std::string& name : folders) {
    const size_t stripe = kHexDigits.find(name.front());
    if (stripe != std::string_view::npos) store->ready_[stripe].insert(std::move(name));
  }
  return store;
}

Result<void> LocalObjectStore::PrepareFolder(const Digest& digest) {
  auto& ready = ready_[StripeOf(digest)];
  const std::string_view name = digest.hex().substr(0, 2);
  if (ready.contains(name)) return {};
  TRY_VOID(files_.MakeDirectories(FolderOf(digest)));
  TRY_VOID(files_.SyncDirectory(blobs_));
  ready.emplace(name);
  return {};
}

Error BlobUnknown(const Digest& digest) {
  return NotFound("BLOB_UNKNOWN", "there is no object " + digest.text());
}

Result<void> CheckExpected(LocalUpload& upload, const Digest& actual,
                           const std::optional<Digest>& expected) {
  if (!expected) return {};
  Digest found = actual;
  if (expected->algorithm() != actual.algorithm()) {
    TRY(other, upload.ReadDigest(expected->algorithm()));
    found = other;
  }
  if (found == *expected) return {};
  return InvalidArgument("DIGEST_MISMATCH", "the bytes are " + found.text() + ", not " +
                                                expected->text() + ": send them again");
}

Result<Digest> LocalObjectStore::Commit(std::unique_ptr<Upload> upload,
                                        const std::optional<Digest>& expected,
                                        const BeforePublish& before_publish) {
  auto* spool = dynamic_cast<LocalUpload*>(upload.get());
  CHECK_NOTE(spool != nullptr, "an upload of another store");
  const auto commit = [&]() -> Result<Digest> {
    TRY(digest, spool->FinishSha256());
    TRY_VOID(CheckExpected(*spool, digest, expected));
    TRY_VOID(spool->Seal());
    CRASH_POINT("object.sealed");
    const Publication publication = before_publish ? before_publish(digest) : Publication::kKeep;
    TRY_VOID(Publish(*spool, digest, publication));
    CRASH_POINT("object.renamed");
    TRY_VOID(files_.SyncDirectory(FolderOf(digest)));
    CRASH_POINT("object.published");
    return digest;
  };
  const Result<Digest> digest = commit();
  spool->Discard();
  if (!digest) return WithoutPath(digest.error());
  return *digest;
}

// Gives the spool its name among the objects, unless the object is there. The folder is synced by
// the caller in both cases: the one who published it may not have come that far.
Result<void> LocalObjectStore::Publish(LocalUpload& upload, const Digest& digest,
                                       Publication publication) {
  std::lock_guard lock(LockOf(digest));
  const auto there = files_.Info(PathOf(digest));
  const bool whole = there && there->size_bytes == upload.size_bytes();
  if (whole && publication == Publication::kKeep) return {};
  TRY_VOID(PrepareFolder(digest));
  Result<void> renamed = files_.Rename(upload.path(), PathOf(digest));
  if (!renamed && renamed.error().code() == Code::kNotFound) {
    return NotFound("UPLOAD_UNKNOWN", "the upload was given up meanwhile; begin a new one");
  }
  return renamed;
}

Result<ObjectInfo> LocalObjectStore::Info(const Digest& digest) {
  if (digest.algorithm() != DigestAlgorithm::kSha256) return BlobUnknown(digest);
  const auto info = files_.Info(PathOf(digest));
  if (!info && info.error().code() == Code::kNotFound) return BlobUnknown(digest);
  if (!info) return info.error();
  return ObjectInfo{.size_bytes = info->size_bytes, .inode = info->inode};
}

Result<std::unique_ptr<File>> LocalObjectStore::Open(const Digest& digest) {
  if (digest.algorithm() != DigestAlgorithm::kSha256) return BlobUnknown(digest);
  auto file = files_.Open(PathOf(digest), {});
  if (!file && file.error().code() == Code::kNotFound) return BlobUnknown(digest);
  return file;
}

Result<void> LocalObjectStore::Remove(const Digest& digest) {
  if (digest.algorithm() != DigestAlgorithm::kSha256) return BlobUnknown(digest);
  std::lock_guard lock(LockOf(digest));
  Result<void> removed = files_.Remove(PathOf(digest));
  if (!removed && removed.error().code() == Code::kNotFound) return BlobUnknown(digest);
  return removed;
}

Result<void> LocalObjectStore::ListFolder(const std::string& name,
                                          const std::optional<Digest>& after, size_t limit,
                                          std::vector<ListedObject>& found) {
  TRY(names, files_.List(blobs_ + "/" + name));
  for (const std::string& hex : names) {
    if (found.size() >= limit) return {};
    if (after && hex <= after->hex()) continue;
    const auto digest = Digest::Parse("sha256:" + hex);
    if (!digest || !hex.starts_with(name)) continue;  // not ours
    const auto info = Info(*digest);
    if (!info && info.error().code() == Code::kNotFound) continue;
    if (!info) return info.error();
    found.push_back({.digest = *digest, .info = *info});
  }
  return {};
}

Result<std::vector<ListedObject>> LocalObjectStore::List(const std::optional<Digest>& after,
                                                         size_t limit) {
  std::vector<ListedObject> found;
  TRY(folders, files_.List(blobs_));
  for (const std::string& name : folders) {
    if (found.size() >= limit) break;
    const bool is_ours = name.size() == 2 && name.find_first_not_of(kHexDigits) == name.npos;
    if (!is_ours || (after && name < after->hex().substr(0, 2))) continue;
    TRY_VOID(ListFolder(name, after, limit, found));
  }
  return found;
}

}  // namespace

Result<std::unique_ptr<ObjectStore>> MakeLocalObjectStore(FileSystem& files, std::string root,
                                                          DiskReserve reserve) {
  TRY(store, LocalObjectStore::Make(files, root, std::move(reserve)));
  return store;
}

}  // namespace slipway::store
