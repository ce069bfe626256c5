#include "klever/download/model_files.h"

namespace slipway::klever {

Result<std::unique_ptr<ModelFiles>> ModelFiles::Open(oci::ContentSource& content,
                                                     const oci::Manifest& manifest,
                                                     const std::string& config) {
  auto files = std::unique_ptr<ModelFiles>(new ModelFiles(content));
  TRY(layers, model::LayerFiles(manifest, config, files->names_));
  files->layers_ = std::move(layers);
  return files;
}

Result<std::optional<ModelFile>> ModelFiles::Next() {
  while (true) {
    while (archive_) {
      TRY(entry, archive_->Next());
      if (!entry) archive_.reset();
      if (!entry || entry->is_folder) continue;
      return std::optional(
          ModelFile{.path = std::move(entry->path), .size_bytes = entry->size_bytes});
    }
    if (next_ == layers_.size()) return std::optional<ModelFile>();
    const model::LayerFile& layer = layers_[next_++];
    TRY(file, content_.Open(layer.layer.digest));
    file_ = std::move(file);
    at_ = 0;
    if (!layer.archive) {
      TRY(info, file_->Info());
      return std::optional(ModelFile{.path = layer.path, .size_bytes = info.size_bytes});
    }
    TRY(archive, model::OpenArchive(*file_, *layer.archive, names_, layer.path));
    archive_ = std::move(archive);
  }
}

Result<size_t> ModelFiles::Read(char* out, size_t size) {
  if (archive_) return archive_->Read(out, size);
  TRY(count, file_->ReadAt(at_, out, size));
  at_ += count;
  return count;
}

}  // namespace slipway::klever
