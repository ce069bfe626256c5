// Export: the files of a model that is here, from content by digest, into a person's folder.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "model/package.h"
#include "oci/content_source.h"
#include "oci/manifest.h"

namespace slipway::model {

struct ExportOptions {
  Progress progress;
};

// Blocking. Copies of raw layers, what archives hold, and what the package's own tool exports
// beside them (ormbfile.yaml, Kitfile). All content is checked while it is read. Everything is made
// aside (waiting_folder.h) before the first file gets its place; files of the same paths are
// replaced. The answer has the paths of the files, sorted. Errors: FAILED_PRECONDITION /
// MODEL_IS_INDEX for an index, which has no files; INVALID_ARGUMENT / MANIFEST_INVALID,
// PATH_INVALID, those of archives (archive/archive.h); NOT_FOUND / BLOB_UNKNOWN; DATA_LOSS /
// UNPACK_SIZE, CONTENT_DAMAGED.
Result<std::vector<std::string>> Export(FileSystem& files, oci::ContentSource& content,
                                        std::string_view manifest_json, const std::string& folder,
                                        const ExportOptions& options = {});

// MODEL_IS_INDEX as above, with what to do.
Result<void> CheckNoIndex(const oci::Manifest& manifest);

}  // namespace slipway::model
