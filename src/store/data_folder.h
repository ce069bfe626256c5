// DataFolder: the folder with all of a server's state, and the one process that owns it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/file_lock.h"
#include "base/file_system.h"
#include "base/result.h"

namespace slipway::store {

// The layout of the folder; the database in it counts its own format (meta/sqlite_schema.h).
inline constexpr int kFolderFormat = 2;

// What the file `format` says.
struct FolderFormat {
  int number = 0;
  std::string program;  // the one that made or migrated the folder: "slipway 0.1.0"
};

// FAILED_PRECONDITION / FORMAT_INVALID names the line that is wrong. Names that this program does
// not know are skipped.
Result<FolderFormat> ParseFolderFormat(std::string_view text);

// Owns the folder until it is destroyed or the process ends, however it ends.
class DataFolder {
 public:
  // Makes the folder or what is missing in it, and migrates an older layout forward. Errors, all
  // FAILED_PRECONDITION and with nothing changed:
  //   DATA_FOLDER_IN_USE   another process owns it (detail "pid")
  //   DATA_FOLDER_FOREIGN  it has content but no file `format`
  //   FORMAT_NEWER         a newer program wrote it (details "format" and "program")
  //   FORMAT_INVALID
  // `program` is written into a folder that is made or migrated. `files` outlives the result.
  static Result<std::unique_ptr<DataFolder>> Open(FileSystem& files, std::string root,
                                                  std::string_view program);

  const std::string& root() const { return root_; }
  std::string database_path() const { return root_ + "/slipway.db"; }
  std::string unpacked_path() const { return root_ + "/unpacked"; }
  std::string sites_path() const { return root_ + "/sites"; }
  std::string run_path() const { return root_ + "/run"; }

 private:
  DataFolder(std::string root, FileLock lock) : root_(std::move(root)), lock_(std::move(lock)) {}

  const std::string root_;
  const FileLock lock_;
};

}  // namespace slipway::store
