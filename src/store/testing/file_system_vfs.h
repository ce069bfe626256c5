// FileSystemVfs: SQLite on any FileSystem, so that the crash suite runs it on a FaultFileSystem.
#pragma once

#include <memory>
#include <string>

#include "base/file_system.h"

namespace slipway::store {

// Registers a VFS of SQLite (https://www.sqlite.org/vfs.html) that keeps its files on `files`, and
// locks and shared memory in this process. As SQLite's own for Unix, it syncs the folder with the
// first sync of a new journal, and promises SQLite powersafe overwrite and nothing else. All
// connections are closed before it is destroyed. Thread-safe.
class FileSystemVfs {
 public:
  explicit FileSystemVfs(FileSystem& files);
  ~FileSystemVfs();
  FileSystemVfs(const FileSystemVfs&) = delete;
  FileSystemVfs& operator=(const FileSystemVfs&) = delete;

  // For SqliteOptions.vfs.
  const std::string& name() const;

  struct State;  // for the functions that SQLite calls

 private:
  std::unique_ptr<State> state_;
};

}  // namespace slipway::store
