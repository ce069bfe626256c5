// Export: the files of a model that is here, from content by digest, into a person's folder.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "oci/content_source.h"

namespace slipway::model {

// Blocking. Copies of raw layers, what archives hold, and what the package's own tool exports
// beside them (ormbfile.yaml, Kitfile). Everything is made in `.slipway-partial/` of the folder
// before the first file gets its place; files of the same paths are replaced. The answer has the
// paths of the files, sorted. Errors: INVALID_ARGUMENT / MANIFEST_INVALID, PATH_INVALID, those of
// archives (archive/archive.h); NOT_FOUND / BLOB_UNKNOWN; DATA_LOSS / UNPACK_SIZE.
Result<std::vector<std::string>> Export(FileSystem& files, oci::ContentSource& content,
                                        std::string_view manifest_json, const std::string& folder);

// Moves files from one folder to the same paths in another, whose folders are made; both are on one
// file system.
Result<void> MoveFiles(FileSystem& files, const std::string& from,
                       const std::vector<std::string>& paths, const std::string& to);

}  // namespace slipway::model
