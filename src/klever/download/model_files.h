// ModelFiles: the files of a stored model, layer by layer, whatever form it was pushed in.
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

// One way through the layers, forwards; some may be left out. Blocking, not thread-safe; the same
// memory for any size. Layers that are archives are unpacked as they are read.
class ModelFiles {
 public:
  // `content` outlives it. Errors of this and all calls: INVALID_ARGUMENT / PATH_INVALID and those
  // of archives; NOT_FOUND / BLOB_UNKNOWN, DATA_LOSS / BLOB_DAMAGED, and CONTENT_CHANGED for a file
  // that has not the size that was stated.
  static Result<std::unique_ptr<ModelFiles>> Open(oci::ContentSource& content,
                                                  const oci::Manifest& manifest,
                                                  const std::string& config);
  const std::vector<model::LayerFile>& layers() const { return layers_; }

  // Goes to the files of a layer, which comes after the one before.
  Result<void> Begin(size_t layer);
  // The next file of it; nothing at its end.
  Result<std::optional<ModelFile>> Next();
  // Bytes of the file that Next gave; 0 at its end, where its size was the stated one.
  Result<size_t> Read(char* out, size_t size);
  // Leaves out bytes of a file that is a layer of its own; false in an archive, which has to be
  // unpacked.
  bool Skip(uint64_t count);

 private:
  explicit ModelFiles(oci::ContentSource& content) : content_(content) {}

  oci::ContentSource& content_;
  model::EntryNames names_;
  std::vector<model::LayerFile> layers_;
  size_t layer_ = 0;
  std::unique_ptr<File> file_;  // of the layer that is read
  std::unique_ptr<model::ArchiveReader> archive_;
  bool is_given_ = false;  // of a layer that is one file: Next gave it
  uint64_t at_ = 0;        // in the file that Next gave
  uint64_t size_bytes_ = 0;
};

}  // namespace slipway::klever
