// WaitingFolder: where the files of a pull or an export are made, inside of the folder that they
// are for, until they get their places: `.slipway-partial/`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file_lock.h"
#include "base/file_system.h"
#include "base/result.h"

namespace slipway::model {

inline constexpr std::string_view kWaitingFolder = ".slipway-partial";

// One at a time in a folder, among all programs: the next one waits. What is downloaded stays for
// the next try when the work fails; what was unpacked or copied by one that ended in the middle is
// removed by the next.
class WaitingFolder {
 public:
  // Makes `folder` where it is missing, and waits for others that work in it. LINK_REFUSED if the
  // folder of downloads is a link.
  static Result<WaitingFolder> Open(FileSystem& files, std::string folder);

  // FOLDER/.slipway-partial: archives on their way. It is made by who writes to it.
  std::string downloads() const;
  // A folder in it for files, empty: made here.
  Result<std::string> MakeAside();

  // Makes the folders of these files, paths within the folder, where they are missing.
  // INVALID_ARGUMENT / LINK_REFUSED if one of them is a link: it could lead out of the folder.
  Result<void> MakeFolders(const std::vector<std::string>& paths);
  // The files get their places, all of them in folders that are synced. The same error.
  Result<void> MoveAll(const std::string& aside, const std::vector<std::string>& paths);

  // Removes what is aside, and with `all` the downloads too; the folder itself, if it is empty.
  Result<void> CleanUp(bool all);

 private:
  WaitingFolder(FileSystem& files, std::string folder, FileLock lock)
      : files_(&files), folder_(std::move(folder)), lock_(std::move(lock)) {}

  Result<void> CheckNoLink(const std::string& path);

  FileSystem* files_;
  std::string folder_;
  FileLock lock_;  // of the folder itself: nothing of it is left behind
};

}  // namespace slipway::model
