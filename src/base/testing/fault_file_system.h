// FaultFileSystem: a file system in memory which in a crash forgets, tears and reorders all that
// was not synced. The crash suites run the stores on it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"

namespace slipway {

struct FaultDisk;

// What survives a crash:
// - of a file: what it was at its last Sync, and of what came after any choice of 512-byte sectors
//   and of sizes, whatever their order; a part of the file that was never written is zeros or
//   rubbish;
// - of a folder: its names at its last SyncDirectory, and of what came after any choice, the two
//   halves of a rename apart;
// - a file or a folder without a name is lost.
// That is harsher than any one file system, and allowed by POSIX. Thread-safe. Paths are absolute
// and without `.` and `..`.
class FaultFileSystem : public FileSystem {
 public:
  FaultFileSystem();
  ~FaultFileSystem() override;

  // A state that may be found after losing power now. This one stays as it is.
  std::unique_ptr<FaultFileSystem> Crash(uint64_t seed) const;

  // From the `count`-th change on from now (a write, sync, rename, ...) every call fails with
  // UNAVAILABLE / POWER_OFF and changes nothing.
  void CutPowerAfter(uint64_t count);
  // Only the program ended, not the machine: all is as it was seen last.
  void RestorePower();
  bool power_is_off() const;
  // Changes so far.
  uint64_t changes() const;

  // Files may have this many bytes in all; a write that goes beyond is done in part and fails with
  // RESOURCE_EXHAUSTED / DISK_FULL. Without a call there is no limit.
  void SetCapacity(uint64_t size_bytes);
  uint64_t used_bytes() const;
  // The next Sync of a file fails with INTERNAL / SYSTEM. As Linux does, it drops what it could not
  // write: readers still see it, but no later Sync makes it durable.
  void FailNextSync();

  Result<std::unique_ptr<File>> Open(const std::string& path, const OpenOptions& options) override;
  Result<void> Rename(const std::string& from, const std::string& to) override;
  Result<void> Link(const std::string& from, const std::string& to) override;
  Result<void> Remove(const std::string& path) override;
  Result<void> RemoveTree(const std::string& path) override;
  Result<void> MakeDirectories(const std::string& path, int mode) override;
  Result<void> SyncDirectory(const std::string& path) override;
  Result<std::vector<std::string>> List(const std::string& path) override;
  Result<FileInfo> Info(const std::string& path) override;
  Result<bool> Exists(const std::string& path) override;
  // There are no symbolic links here.
  Result<std::string> LinkTarget(const std::string& path) override;
  Result<std::string> Canonical(const std::string& path) override;

 private:
  explicit FaultFileSystem(std::shared_ptr<FaultDisk> disk);

  const std::shared_ptr<FaultDisk> disk_;
};

}  // namespace slipway
