// LyingFileSystem: passes everything on but says of some syncs that they are done. A crash suite
// that finds nothing wrong on it would find nothing at all.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"

namespace slipway {

struct Lies {
  bool file_sync = false;       // File::Sync does nothing
  bool directory_sync = false;  // SyncDirectory does nothing
};

// `files` outlives it.
std::unique_ptr<FileSystem> MakeLyingFileSystem(FileSystem& files, Lies lies);

}  // namespace slipway
