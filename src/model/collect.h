// Collecting the files of a package from a folder that somebody may have prepared: only regular
// files, none from outside of the folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "model/limits.h"
#include "model/package.h"

namespace slipway::model {

struct CollectOptions {
  size_t max_files = kMaxPackageFiles;
  // Names that begin with a dot are left out, but those in this folder ("model"); empty: all.
  std::string whole_folder;
};

struct Collected {
  std::vector<PackageFile> files;     // sorted by path
  std::vector<std::string> left_out;  // paths of what begins with a dot; the first kMaxLeftOut
};

// `path` is a file, or a folder with the files of a package; digests and media types are not filled
// in. A symbolic link in the folder is followed to a regular file in the same folder, nowhere else.
// Errors: NOT_FOUND / FILE_NOT_FOUND, INVALID_ARGUMENT / PACKAGE_EMPTY, PACKAGE_TOO_MANY_FILES,
// PATH_INVALID, ENTRY_REFUSED (two paths that are one on some file systems: whoever pulls them
// would refuse them), FILE_SPECIAL (FIFO, device, socket), LINK_REFUSED.
Result<Collected> CollectFiles(FileSystem& files, const std::string& path,
                               const CollectOptions& options = {});

// The file at `source`, which is below the folder `root` (a canonical path), without links on the
// way. INVALID_ARGUMENT / LINK_REFUSED, with link and target, if a link leads out of `root`, to a
// folder or to nothing.
Result<std::string> FollowLink(FileSystem& files, const std::string& root,
                               const std::string& source);

// Opens what was found, to read it: if somebody put a link in its way meanwhile, it is
// LINK_REFUSED; if it is another file, or was written to, FAILED_PRECONDITION / FILE_CHANGED.
Result<std::unique_ptr<File>> OpenCollected(FileSystem& files, const PackageFile& file);
// FILE_CHANGED likewise; asked when all was read, what was read is what was found.
Result<void> CheckUnchanged(const PackageFile& file, File& open);

}  // namespace slipway::model
