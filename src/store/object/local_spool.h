// LocalSpools: the folder of unfinished uploads of a local object store.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "async/guarded.h"
#include "base/digest.h"
#include "base/file_system.h"
#include "base/result.h"
#include "store/object/object_store.h"

namespace slipway::store {

// What is known of a spool beyond its file. Bytes from `hashed_bytes` on are hashed when they are
// published: a resumed spool is not read before it must be.
struct SpoolProgress {
  uint64_t size_bytes = 0;
  uint64_t hashed_bytes = 0;
  Hasher hasher = Hasher();
};

// The spools that this process has seen: with progress when idle, without while an Upload has it.
// Shared with the uploads, which may be destroyed after the store.
using SpoolTable = Guarded<std::unordered_map<std::string, std::optional<SpoolProgress>>>;

// The reserve, shared with uploads, which may be destroyed after the store.
using SharedReserve = std::shared_ptr<const DiskReserve>;

// A full disk as a caller may be told of it, without paths; other errors as they are.
Error WithoutPath(const Error& error);

class LocalUpload final : public Upload {
 public:
  LocalUpload(FileSystem& files, std::shared_ptr<SpoolTable> table, SharedReserve reserve,
              std::string id, std::string path, std::unique_ptr<File> file, SpoolProgress progress);
  ~LocalUpload() override;
  LocalUpload(const LocalUpload&) = delete;
  LocalUpload& operator=(const LocalUpload&) = delete;

  const std::string& id() const override { return id_; }
  uint64_t size_bytes() const override { return progress_.size_bytes; }
  Result<void> Append(std::string_view bytes) override;
  Result<void> Sync() override;

  const std::string& path() const { return path_; }
  // The digest of all bytes; reads those again that were not hashed on arrival. Once.
  Result<Digest> FinishSha256();
  Result<Digest> ReadDigest(DigestAlgorithm algorithm);
  // Cuts what a failed Append left, makes the file read-only and syncs it.
  Result<void> Seal();
  // From here on the spool is no upload any more; its files are removed if they are there.
  void Discard();

 private:
  Result<void> HashFrom(uint64_t offset, Hasher& hasher);
  // Lets the kernel write what was appended, a large step at a time, while more arrives: the sync
  // that ends the upload is short then.
  void StartWriteback();

  FileSystem& files_;
  const std::shared_ptr<SpoolTable> table_;
  const SharedReserve reserve_;
  const std::string id_;
  const std::string path_;
  std::unique_ptr<File> file_;
  SpoolProgress progress_;
  uint64_t writeback_bytes_ = progress_.size_bytes;  // so far the kernel was told to write
  bool name_synced_ = false;
  bool discarded_ = false;
  std::optional<Error> lost_;
};

// Thread-safe; blocking.
class LocalSpools {
 public:
  // `folder` exists.
  LocalSpools(FileSystem& files, std::string folder, DiskReserve reserve);
  // Before all else. Bytes that an earlier process appended and did not sync are good as long as
  // the kernel that has them runs: after another start of the machine spools are cut to what was
  // synced.
  Result<void> Recover();

  Result<std::unique_ptr<LocalUpload>> Begin();
  Result<std::unique_ptr<LocalUpload>> Resume(const std::string& id);
  Result<void> Abort(const std::string& id);
  Result<uint64_t> RemoveStale(uint64_t before_ms);

 private:
  std::string PathOf(std::string_view id) const;
  // Of a spool of an earlier process.
  Result<SpoolProgress> ProgressOf(const std::string& id, File& file);
  Result<void> CutToSynced(const std::string& id);
  bool RemoveIfStale(const std::string& id, uint64_t before_ms);

  FileSystem& files_;
  const std::string folder_;
  const std::shared_ptr<SpoolTable> table_;
  const SharedReserve reserve_;
};

}  // namespace slipway::store
