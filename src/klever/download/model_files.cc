#include "klever/download/model_files.h"

#include <algorithm>

namespace slipway::klever {
namespace {

Error Changed(const std::string& what) {
  return DataLoss("CONTENT_CHANGED", what + " has not the size that was stated of it.");
}

}  // namespace

Result<std::unique_ptr<ModelFiles>> ModelFiles::Open(oci::ContentSource& content,
                                                     const oci::Manifest& manifest,
                                                     const std::string& config) {
  auto files = std::unique_ptr<ModelFiles>(new ModelFiles(content));
  TRY(layers, model::LayerFiles(manifest, config, files->names_));
  files->layers_ = std::move(layers);
  return files;
}

Result<void> ModelFiles::Begin(size_t layer) {
  layer_ = layer;
  archive_.reset();
  is_given_ = false;
  const model::LayerFile& wanted = layers_[layer];
  TRY(file, content_.Open(wanted.layer.digest));
  file_ = std::move(file);
  if (!wanted.archive) return {};
  TRY(archive, model::OpenArchive(*file_, *wanted.archive, names_, wanted.path));
  archive_ = std::move(archive);
  return {};
}

Result<std::optional<ModelFile>> ModelFiles::Next() {
  at_ = 0;
  while (archive_) {
    TRY(entry, archive_->Next());
    if (!entry) return std::optional<ModelFile>();
    if (entry->is_folder) continue;
    size_bytes_ = entry->size_bytes;
    return std::optional(ModelFile{.path = std::move(entry->path), .size_bytes = size_bytes_});
  }
  if (std::exchange(is_given_, true)) return std::optional<ModelFile>();
  const model::LayerFile& layer = layers_[layer_];
  size_bytes_ = layer.layer.size_bytes;
  return std::optional(ModelFile{.path = layer.path, .size_bytes = size_bytes_});
}

Result<size_t> ModelFiles::Read(char* out, size_t size) {
  Result<size_t> count = archive_ ? archive_->Read(out, size) : file_->ReadAt(at_, out, size);
  if (!count) return count;
  at_ += *count;
  if (at_ > size_bytes_ || (*count == 0 && size > 0 && at_ < size_bytes_)) {
    return Changed(layers_[layer_].layer.digest.text());
  }
  return count;
}

bool ModelFiles::Skip(uint64_t count) {
  if (archive_) return false;
  at_ += std::min(count, size_bytes_ - at_);
  return true;
}

}  // namespace slipway::klever
