// ModelFiles: the files of a stored model, one after the other, whatever form it was pushed in.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/archive/archive.h"
#include "model/layer_files.h"
#include "oci/content_source.h"
#include "oci/manifest.h"

namespace slipway::klever {

struct ModelFile {
  std::string path;  // in the package
  uint64_t size_bytes = 0;
};

// Blocking, not thread-safe; the same memory for any size. Layers that are archives are unpacked as
// they are read.
class ModelFiles {
 public:
  // `content` outlives it. Errors of this and all calls: INVALID_ARGUMENT / PATH_INVALID and those
  // of archives; NOT_FOUND / BLOB_UNKNOWN, DATA_LOSS / BLOB_DAMAGED.
  static Result<std::unique_ptr<ModelFiles>> Open(oci::ContentSource& content,
                                                  const oci::Manifest& manifest,
                                                  const std::string& config);

  // The next file, nothing at the end.
  Result<std::optional<ModelFile>> Next();
  // Bytes of the file that Next gave; 0 at its end.
  Result<size_t> Read(char* out, size_t size);

 private:
  explicit ModelFiles(oci::ContentSource& content) : content_(content) {}

  oci::ContentSource& content_;
  model::EntryNames names_;
  std::vector<model::LayerFile> layers_;
  size_t next_ = 0;
  std::unique_ptr<File> file_;  // of the layer that is read
  std::unique_ptr<model::ArchiveReader> archive_;
  uint64_t at_ = 0;
};

}  // namespace slipway::klever
