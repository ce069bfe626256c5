// UploadDesk: the uploads that are under way, and the folder for work in progress.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "async/guarded.h"
#include "base/file_system.h"
#include "base/random.h"
#include "base/result.h"
#include "klever/upload/chunked_upload.h"
#include "store/object/object_store.h"

namespace slipway::klever {

// Thread-safe; everything blocks.
class UploadDesk {
 public:
  UploadDesk(FileSystem& files, Random& random, std::string folder, store::DiskReserve reserve);

  // The upload of a version, nothing if there is none. ABORTED / UPLOAD_CONFLICT if it is another
  // subject's; empty: anybody's.
  Result<std::shared_ptr<ChunkedUpload>> Find(const std::string& repository,
                                              const std::string& version,
                                              const std::string& subject);
  // The same, begun if there is none. UPLOAD_CONFLICT also for another size;
  // RESOURCE_EXHAUSTED / UPLOADS_FULL, and UPLOADS_OF_SUBJECT when the subject has as many as one
  // may have, which its detail `uploads` names.
  Result<std::shared_ptr<ChunkedUpload>> FindOrBegin(UploadRecord wanted);
  // It is done with, or given up.
  Result<void> Remove(ChunkedUpload& upload);

  // A new, empty folder for one piece of work, whose owner removes it.
  Result<std::string> MakeWorkFolder();
  // What is left of work that was cut short by the end of the program. Before anything else.
  Result<void> RemoveWork();
  // Uploads without a byte since then (milliseconds since 1970, UTC); returns how many.
  Result<uint64_t> RemoveStale(int64_t before_ms);

  FileSystem& files() { return files_; }
  const store::DiskReserve& reserve() const { return reserve_; }

 private:
  struct Owner {
    std::string subject;
    std::string version;  // REPOSITORY:VERSION
  };
  struct Table {
    std::map<std::string, std::weak_ptr<ChunkedUpload>, std::less<>> open;
    // Of all that are on the disk, once one is to be begun.
    std::optional<std::map<std::string, Owner, std::less<>>> owners;
  };
  Result<std::shared_ptr<ChunkedUpload>> Load(Table& table, const std::string& id);
  Result<std::shared_ptr<ChunkedUpload>> Make(Table& table, const std::string& id,
                                              UploadRecord record);
  Result<std::shared_ptr<ChunkedUpload>> MakeFolder(const std::string& folder, UploadRecord record);
  Result<void> ReadOwners(Table& table);
  static Result<void> CheckRoom(const Table& table, const std::string& subject);
  // True if it was stale: it is in `aside` then, and its name is free. The table is locked for
  // moments only; to remove what may be large takes time.
  Result<bool> MoveStaleAside(const std::string& name, int64_t before_ms, const std::string& aside);
  std::string FolderOf(std::string_view id) const;

  FileSystem& files_;
  Random& random_;
  const std::string folder_;
  const store::DiskReserve reserve_;
  Guarded<Table> open_;
};

}  // namespace slipway::klever
