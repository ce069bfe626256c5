// ObjectStore: immutable bytes under their sha256. It knows nothing of repositories or manifests.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/file_system.h"
#include "base/result.h"

namespace slipway::store {

// A spool that grows. Destroying it keeps the spool for Resume: whole as long as the machine runs,
// also for the next process, else up to the last Sync. Hashes while bytes arrive. Not thread-safe.
class Upload {
 public:
  virtual ~Upload() = default;
  virtual const std::string& id() const = 0;
  virtual uint64_t size_bytes() const = 0;
  // All of `bytes` or, after an error such as RESOURCE_EXHAUSTED / DISK_FULL, none: may be tried
  // again.
  virtual Result<void> Append(std::string_view bytes) = 0;
  // What was appended survives a crash. After an error the upload is lost: every later call answers
  // that error.
  virtual Result<void> Sync() = 0;
};

struct ObjectInfo {
  uint64_t size_bytes = 0;
  uint64_t inode = 0;
};

struct ListedObject {
  Digest digest;
  ObjectInfo info;
};

// Whether bytes that are verified take the place of an object of the same digest and size.
enum class Publication : uint8_t { kKeep, kReplace };
// Called once the bytes are verified and their sha256 is known, before they are published. May wait
// for whoever removes that object.
using BeforePublish = std::function<Publication(const Digest& sha256)>;

// Thread-safe; blocking: call on the blocking pool.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // A new spool, or one found again by its id: NOT_FOUND / UPLOAD_UNKNOWN, or ABORTED / UPLOAD_BUSY
  // while another Upload object has it (two writers could publish bytes that no one hashed).
  virtual Result<std::unique_ptr<Upload>> Begin() = 0;
  virtual Result<std::unique_ptr<Upload>> Resume(const std::string& id) = 0;
  // Verifies, syncs and publishes atomically under the sha256 of the bytes; returns it. With
  // `expected` (sha256 or sha512) different from the bytes: INVALID_ARGUMENT / DIGEST_MISMATCH.
  // Content that is there already is success. After any error the spool is gone, and nothing is
  // published that was not verified. `upload` is of this store. With `before_publish`, an object
  // that is there may be replaced as that says; it gets another inode, open files stay as they are.
  virtual Result<Digest> Commit(std::unique_ptr<Upload> upload,
                                const std::optional<Digest>& expected,
                                const BeforePublish& before_publish = nullptr) = 0;
  // Removes the spool, also under an open Upload, whose Commit then fails. UPLOAD_UNKNOWN.
  virtual Result<void> Abort(const std::string& upload_id) = 0;

  // NOT_FOUND / BLOB_UNKNOWN. sha256 only: aliases are the registry's business.
  virtual Result<ObjectInfo> Info(const Digest& digest) = 0;
  virtual Result<std::unique_ptr<File>> Open(const Digest& digest) = 0;
  // Gone for callers at once; a crash may bring it back whole. Open files stay readable.
  virtual Result<void> Remove(const Digest& digest) = 0;
  // Objects in the order of their digests, after `after`, at most `limit` of them; fewer only at
  // the end. Objects that come or go meanwhile may be missed.
  virtual Result<std::vector<ListedObject>> List(const std::optional<Digest>& after,
                                                 size_t limit) = 0;
  // Removes spools that no Upload holds and that were last written before this moment
  // (milliseconds since 1970, UTC); returns how many.
  virtual Result<uint64_t> RemoveStaleUploads(uint64_t before_ms) = 0;
  // The object's path where it is a file of this machine (hard links, mmap), else nothing.
  virtual std::optional<std::string> LocalPath(const Digest& digest) const = 0;
};

// What uploads leave free on a disk, so that a large one cannot stop all that is small.
struct DiskReserve {
  uint64_t bytes = 0;
  // The room that is left; asked before each Append, on its thread.
  std::function<Result<uint64_t>()> free_bytes;

  // RESOURCE_EXHAUSTED / DISK_FULL unless it stays whole after so many bytes more.
  Result<void> Check(uint64_t more_bytes) const;
};

// Objects at ROOT/blobs/sha256/ab/<hex>, spools at ROOT/uploads/<id>. See docs/formats/blobs.md.
// ROOT exists durably, and one store at a time is on it: store/data_folder.h sees to both.
Result<std::unique_ptr<ObjectStore>> MakeLocalObjectStore(FileSystem& files, std::string root,
                                                          DiskReserve reserve = {});
std::unique_ptr<ObjectStore> MakeMemoryObjectStore();

// Whole small objects in one call.
Result<Digest> PutObject(ObjectStore& store, std::string_view content,
                         const BeforePublish& before_publish = nullptr);
// Every object once, in the order of the digests; ends with the first error of `visit`.
Result<void> ForEachObject(
    ObjectStore& store, const std::function<Result<void>(const Digest&, const ObjectInfo&)>& visit);
// FAILED_PRECONDITION / OBJECT_TOO_LARGE above the limit.
Result<std::string> GetObject(ObjectStore& store, const Digest& digest, uint64_t limit_bytes);

}  // namespace slipway::store
