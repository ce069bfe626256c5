#include "model/export.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/layer_files.h"
#include "model/stored_layer.h"
#include "model/waiting_folder.h"
#include "oci/manifest.h"

namespace slipway::model {
namespace {

constexpr int kFileMode = 0644;

Result<std::vector<std::string>> ExportLayer(FileSystem& files, oci::ContentSource& content,
                                             const LayerFile& layer, EntryNames& names,
                                             const std::string& aside, const Progress& progress) {
  TRY(file, OpenLayer(content, layer.layer));
  WriteOptions options{.file_mode = kFileMode, .verify = true, .check = {}};
  if (progress) {
    options.check = [&](uint64_t written_bytes) -> Result<void> {
      // Of an archive the size that it unpacks to is not known before.
      progress(
          ShownLayer(layer.layer), written_bytes,
          layer.archive ? std::max(written_bytes, layer.layer.size_bytes) : layer.layer.size_bytes);
      return {};
    };
  }
  if (layer.archive) return ExtractLayer(files, *file, layer, names, aside, options);
  const std::string to = aside + "/" + layer.path;
  TRY_VOID(files.MakeDirectories(to.substr(0, to.rfind('/')), 0755));
  TRY_VOID(CopyLayer(files, *file, layer.layer, to, aside, options));
  return std::vector<std::string>{layer.path};
}

Result<std::vector<std::string>> ExportAside(FileSystem& files, oci::ContentSource& content,
                                             const oci::Manifest& manifest,
                                             const std::string& aside, const Progress& progress) {
  TRY(stored, ReadStoredLayers(content, manifest));
  std::vector<std::string> all;
  for (const LayerFile& layer : stored.layers) {
    TRY(paths, ExportLayer(files, content, layer, stored.names, aside, progress));
    all.insert(all.end(), paths.begin(), paths.end());
  }
  const auto exported = ExportedMetadata(manifest, stored.config);
  if (exported && std::ranges::find(all, exported->path) == all.end()) {
    TRY_VOID(WriteFileDurably(files, aside + "/" + exported->path, exported->content, kFileMode));
    all.push_back(exported->path);
  }
  std::ranges::sort(all);
  return all;
}

}  // namespace

Result<void> CheckNoIndex(const oci::Manifest& manifest) {
  if (!manifest.is_index()) return {};
  return FailedPrecondition(
      "MODEL_IS_INDEX", fmt::format("it is an index of {} manifests and has no files of its own: "
                                    "name one of them by its digest",
                                    manifest.children.size()));
}

Result<std::vector<std::string>> Export(FileSystem& files, oci::ContentSource& content,
                                        std::string_view manifest_json, const std::string& folder,
                                        const ExportOptions& options) {
  TRY(manifest, oci::ParseManifest(manifest_json));
  TRY_VOID(CheckNoIndex(manifest));
  TRY(waiting, WaitingFolder::Open(files, folder));
  TRY(aside, waiting.MakeAside());
  auto paths = ExportAside(files, content, manifest, aside, options.progress);
  Result<void> moved;
  if (paths.has_value()) moved = waiting.MoveAll(aside, *paths);
  const Result<void> cleaned = waiting.CleanUp(/*all=*/false);
  if (!moved.has_value()) return moved.error();
  if (paths.has_value() && !cleaned.has_value()) return cleaned.error();
  return paths;
}

}  // namespace slipway::model
