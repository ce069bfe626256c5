// Extract: the files of an archive into a folder.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "model/archive/archive.h"

namespace slipway::model {

struct ExtractOptions {
  int file_mode = 0444;
  int folder_mode = 0755;
  // Files and folders are synced; not needed for what is gone after a crash anyway.
  bool is_durable = true;
  // Called now and then with all bytes so far; an error ends the work.
  std::function<Result<void>(uint64_t unpacked_bytes)> progress;
};

// All of the archive into `root`, a folder that nobody else writes to: made aside by the caller,
// who renames it when everything is there, and removes it otherwise. No path leads out of it, and
// no link is followed or made. The answer has the paths of the files, in the archive's order.
// Errors: those of ArchiveReader, and what the file system says.
Result<std::vector<std::string>> Extract(FileSystem& files, ArchiveReader& archive,
                                         const std::string& root,
                                         const ExtractOptions& options = {});

// Paths of all files in the folder, sorted; links and special files are left out.
Result<std::vector<std::string>> ListFiles(FileSystem& files, const std::string& root);

}  // namespace slipway::model
