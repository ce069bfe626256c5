#include "model/stored_layer.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/archive/extract.h"
#include "model/limits.h"
#include "model/path.h"

namespace slipway::model {
namespace {

constexpr size_t kPieceBytes = 1 << 20;

Error WrongSize(const oci::Descriptor& layer, uint64_t size_bytes) {
  return DataLoss("UNPACK_SIZE", fmt::format("layer {}: {} bytes are stored, the manifest says {}",
                                             layer.digest.text(), size_bytes, layer.size_bytes));
}

Error Damaged(const oci::Descriptor& what) {
  return DataLoss("CONTENT_DAMAGED", fmt::format("{}: the bytes that are stored here are not those "
                                                 "of {}: the file is damaged",
                                                 ShownLayer(what), what.digest.text()))
      .With("digest", what.digest.text());
}

}  // namespace

Result<std::unique_ptr<File>> OpenLayer(oci::ContentSource& content, const oci::Descriptor& layer) {
  TRY(file, content.Open(layer.digest));
  TRY(info, file->Info());
  if (info.size_bytes != layer.size_bytes) return WrongSize(layer, info.size_bytes);
  return file;
}

Result<void> HashFile(File& file, uint64_t size_bytes, Hasher& hasher) {
  std::string piece(kPieceBytes, '\0');
  for (uint64_t offset = 0; offset < size_bytes;) {
    const auto wanted = static_cast<size_t>(std::min<uint64_t>(piece.size(), size_bytes - offset));
    TRY(size, file.ReadAt(offset, piece.data(), wanted));
    if (size == 0) break;
    hasher.Update({piece.data(), size});
    offset += size;
  }
  return {};
}

Result<void> CheckContent(File& file, const oci::Descriptor& what) {
  TRY(info, file.Info());
  Hasher hasher(what.digest.algorithm());
  TRY_VOID(HashFile(file, what.size_bytes, hasher));
  if (info.size_bytes == what.size_bytes && hasher.Finish() == what.digest) return {};
  return Damaged(what);
}

Result<void> CopyLayer(FileSystem& files, File& from, const oci::Descriptor& layer,
                       const std::string& to, const std::string& root,
                       const WriteOptions& options) {
  TRY(out, files.Open(to, {.write = true,
                           .create = true,
                           .exclusive = true,
                           .beneath = root,
                           .mode = options.file_mode}));
  std::string piece(kPieceBytes, '\0');
  Hasher hasher(layer.digest.algorithm());
  uint64_t offset = 0;
  while (true) {
    TRY(size, from.ReadAt(offset, piece.data(), piece.size()));
    if (size == 0) break;
    if (options.verify) hasher.Update({piece.data(), size});
    TRY_VOID(out->WriteAt(offset, {piece.data(), size}));
    offset += size;
    if (options.check) TRY_VOID(options.check(offset));
  }
  if (offset != layer.size_bytes) return WrongSize(layer, offset);
  if (options.verify && hasher.Finish() != layer.digest) return Damaged(layer);
  return out->Sync();
}

Result<std::vector<std::string>> ExtractLayer(FileSystem& files, File& from, const LayerFile& layer,
                                              EntryNames& names, const std::string& root,
                                              const WriteOptions& options) {
  if (options.verify) TRY_VOID(CheckContent(from, layer.layer));
  TRY(archive, OpenArchive(from, *layer.archive, names, layer.path));
  auto paths =
      Extract(files, *archive, root, {.file_mode = options.file_mode, .progress = options.check});
  if (paths.has_value()) return paths;
  return paths.error().Prefixed(fmt::format("layer {}: ", layer.layer.digest.text()));
}

Result<StoredLayers> ReadStoredLayers(oci::ContentSource& content, const oci::Manifest& manifest) {
  StoredLayers stored;
  if (NeedsConfig(manifest) && manifest.config) {
    TRY(bytes, oci::ReadContent(content, manifest.config->digest, kMaxConfigBytes));
    stored.config = std::move(bytes);
  }
  TRY(layers, LayerFiles(manifest, stored.config, stored.names));
  stored.layers = std::move(layers);
  return stored;
}

std::string ShownLayer(const oci::Descriptor& layer) {
  const std::string path = LayerPath(layer);
  if (!path.empty()) return ShownPath(path);
  return fmt::format("layer {}", layer.digest.hex().substr(0, 12));
}

}  // namespace slipway::model
