#include "cli/model/archive_files.h"

#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "cli/text.h"
#include "model/archive/archive.h"
#include "oci/model_types.h"

namespace slipway::cli {
namespace {

constexpr size_t kPieceBytes = 1 << 20;

std::string FolderOf(const oci::Manifest& manifest) {
  if (!manifest.config) return {};
  if (manifest.config->media_type == oci::kOrmbConfigType) return "model/";
  if (manifest.config->media_type == oci::kImageConfigType) return "models/";
  return {};
}

Result<Json> ReadEntry(model::ArchiveReader& archive, uint64_t size_bytes) {
  Hasher hasher;
  std::string piece(kPieceBytes, '\0');
  while (true) {
    TRY(count, archive.Read(piece.data(), piece.size()));
    if (count == 0) break;
    hasher.Update({piece.data(), count});
  }
  return Json{{"digest", hasher.Finish().text()}, {"sizeBytes", size_bytes}};
}

Result<void> AddEntries(const PackageArchives& archives, const model::LayerFile& layer,
                        model::EntryNames& names, Json& files) {
  TRY(file, archives.open(layer.layer));
  TRY(archive, model::OpenArchive(*file, *layer.archive, names, layer.path));
  while (true) {
    TRY(entry, archive->Next());
    if (!entry) return {};
    if (entry->is_folder) continue;
    TRY(content, ReadEntry(*archive, entry->size_bytes));
    const bool is_inside = entry->path.starts_with(archives.folder);
    files[is_inside ? entry->path.substr(archives.folder.size()) : entry->path] =
        std::move(content);
  }
}

}  // namespace

PackageArchives ArchivesOf(const oci::Manifest& manifest, const std::string& config) {
  PackageArchives archives{.folder = FolderOf(manifest)};
  model::EntryNames names;
  auto layers = model::LayerFiles(manifest, config, names);
  if (!layers) return archives;
  for (model::LayerFile& layer : *layers) {
    if (layer.archive) archives.layers.push_back(std::move(layer));
  }
  return archives;
}

std::string ArchiveRow(const oci::Descriptor& layer) {
  return "(archive " + ShortDigest(layer.digest.text()) + ")";
}

Result<void> ExpandArchives(const PackageArchives& archives, const Json& other, Json& files) {
  model::EntryNames names;
  for (const model::LayerFile& layer : archives.layers) {
    const std::string row = ArchiveRow(layer.layer);
    if (!files.contains(row) || other.contains(row) || !archives.open) continue;
    files.erase(row);
    const Result<void> added = AddEntries(archives, layer, names, files);
    if (!added) return added.error().Prefixed(row + ": ");
  }
  return {};
}

}  // namespace slipway::cli
