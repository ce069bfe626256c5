// FileSystem: the one way to files for everything that must survive a crash, so that the crash
// suite can run the stores on a twin that forgets, tears and reorders what was not synced.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway {

struct OpenOptions {
  bool write = false;      // else read only
  bool create = false;     // make it if it is missing
  bool exclusive = false;  // with create: ALREADY_EXISTS / FILE_EXISTS if it is there
  bool truncate = false;
  // INVALID_ARGUMENT / FILE_SPECIAL, at once, if it is neither a regular file nor a folder.
  bool refuse_special = false;
  // A folder: the path must begin with it and lead to what is in it without a symbolic link on the
  // way, INVALID_ARGUMENT / LINK_REFUSED otherwise. Empty: links are followed.
  std::string beneath = {};
  int mode = 0600;
};

struct FileInfo {
  uint64_t size_bytes = 0;
  uint64_t inode = 0;
  uint64_t links = 0;  // names of this file; 1 unless Link was used
  bool is_directory = false;
  std::string_view special;  // what else it is: "a FIFO"; empty for regular files and folders
  int64_t modified_ms = 0;   // since 1970, UTC
};

// An open file, closed by the destructor. Calls at different offsets may run at the same time.
class File {
 public:
  virtual ~File() = default;
  // Reads up to `size` bytes at `offset` into `out`; fewer only at the end of the file.
  virtual Result<size_t> ReadAt(uint64_t offset, char* out, size_t size) = 0;
  // Writes all of `bytes` or fails; a failure may leave a part written.
  virtual Result<void> WriteAt(uint64_t offset, std::string_view bytes) = 0;
  // After it returns, content and size survive a crash (fdatasync). The name needs SyncDirectory.
  virtual Result<void> Sync() = 0;
  virtual Result<void> Truncate(uint64_t size_bytes) = 0;
  virtual Result<FileInfo> Info() = 0;
  // Permission bits; durable with the next Sync at the latest by the file system's own choice, so
  // nothing may depend on them after a crash.
  virtual Result<void> SetMode(int mode) = 0;
  // The file descriptor for sendfile and mmap, or -1 where there is none (twins).
  virtual int descriptor() const { return -1; }
};

// Thread-safe; blocking: call it on the blocking pool. Paths are absolute.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> Open(const std::string& path, const OpenOptions&) = 0;
  // Replaces an existing target. Durable after SyncDirectory of both parents.
  virtual Result<void> Rename(const std::string& from, const std::string& to) = 0;
  // A hard link; ALREADY_EXISTS / FILE_EXISTS if `to` is there.
  virtual Result<void> Link(const std::string& from, const std::string& to) = 0;
  virtual Result<void> Remove(const std::string& path) = 0;
  // Removes a folder with all that is in it; a missing one is no error.
  virtual Result<void> RemoveTree(const std::string& path) = 0;
  // With parents; an existing folder is no error. New entries are synced into their parents.
  virtual Result<void> MakeDirectories(const std::string& path, int mode = 0700) = 0;
  virtual Result<void> SyncDirectory(const std::string& path) = 0;
  // Names in the folder, without "." and "..", sorted by bytes.
  virtual Result<std::vector<std::string>> List(const std::string& path) = 0;
  virtual Result<FileInfo> Info(const std::string& path) = 0;
  virtual Result<bool> Exists(const std::string& path) = 0;
  // Where a symbolic link leads, as it is written; empty for all that is no link.
  virtual Result<std::string> LinkTarget(const std::string& path) = 0;
  // The path with all its links followed.
  virtual Result<std::string> Canonical(const std::string& path) = 0;
};

FileSystem& PosixFileSystem();

// INVALID_ARGUMENT / FILE_SPECIAL if `info` is that of a FIFO, a device or a socket.
Result<void> CheckNotSpecial(const std::string& path, const FileInfo& info);

// FAILED_PRECONDITION / FILE_TOO_LARGE above `limit_bytes`.
Result<std::string> ReadWholeFile(FileSystem& files, const std::string& path, uint64_t limit_bytes);
// Written aside (PATH.new-<random>), synced, renamed over `path`, folder synced: after a crash the
// file has the old content or the new, whole; a file aside may be left. After an error the old
// content is there, unless only the last sync failed.
Result<void> WriteFileDurably(FileSystem& files, const std::string& path, std::string_view content,
                              int mode = 0600);

}  // namespace slipway
