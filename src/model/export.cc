#include "model/export.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/random.h"
#include "model/archive/extract.h"
#include "model/layer_files.h"
#include "model/limits.h"
#include "oci/manifest.h"

namespace slipway::model {
namespace {

constexpr size_t kPieceBytes = 1 << 20;
constexpr int kFileMode = 0644;

Result<void> CopyLayer(FileSystem& files, File& from, const LayerFile& layer,
                       const std::string& aside) {
  const std::string to = aside + "/" + layer.path;
  TRY_VOID(files.MakeDirectories(to.substr(0, to.rfind('/')), 0755));
  TRY(out,
      files.Open(
          to,
          {.write = true, .create = true, .exclusive = true, .beneath = aside, .mode = kFileMode}));
  std::string piece(kPieceBytes, '\0');
  uint64_t offset = 0;
  while (true) {
    TRY(size, from.ReadAt(offset, piece.data(), piece.size()));
    if (size == 0) break;
    TRY_VOID(out->WriteAt(offset, {piece.data(), size}));
    offset += size;
  }
  return out->Sync();
}

Result<std::vector<std::string>> ExportLayer(FileSystem& files, oci::ContentSource& content,
                                             const LayerFile& layer, EntryNames& names,
                                             const std::string& aside) {
  TRY(file, content.Open(layer.layer.digest));
  TRY(info, file->Info());
  if (info.size_bytes != layer.layer.size_bytes) {
    return DataLoss(
        "UNPACK_SIZE",
        fmt::format("layer {}: {} bytes are stored, the manifest says {}",
                    layer.layer.digest.text(), info.size_bytes, layer.layer.size_bytes));
  }
  if (!layer.archive) {
    TRY_VOID(CopyLayer(files, *file, layer, aside));
    return std::vector<std::string>{layer.path};
  }
  TRY(archive, OpenArchive(*file, *layer.archive, names, layer.path));
  auto paths = Extract(files, *archive, aside, {.file_mode = kFileMode});
  if (paths.has_value()) return paths;
  return paths.error().Prefixed(fmt::format("layer {}: ", layer.layer.digest.text()));
}

Result<std::vector<std::string>> ExportAside(FileSystem& files, oci::ContentSource& content,
                                             const oci::Manifest& manifest,
                                             const std::string& aside) {
  std::string config;
  if (NeedsConfig(manifest) && manifest.config) {
    TRY(bytes, oci::ReadContent(content, manifest.config->digest, kMaxConfigBytes));
    config = std::move(bytes);
  }
  EntryNames names;
  TRY(layers, LayerFiles(manifest, config, names));
  TRY_VOID(files.MakeDirectories(aside, 0755));
  std::vector<std::string> all;
  for (const LayerFile& layer : layers) {
    TRY(paths, ExportLayer(files, content, layer, names, aside));
    all.insert(all.end(), paths.begin(), paths.end());
  }
  const auto exported = ExportedMetadata(manifest, config);
  if (exported && std::ranges::find(all, exported->path) == all.end()) {
    TRY_VOID(WriteFileDurably(files, aside + "/" + exported->path, exported->content, kFileMode));
    all.push_back(exported->path);
  }
  std::ranges::sort(all);
  return all;
}

}  // namespace

Result<void> MoveFiles(FileSystem& files, const std::string& from,
                       const std::vector<std::string>& paths, const std::string& to) {
  std::set<std::string> folders = {to};
  for (const std::string& path : paths) {
    const std::string target = to + "/" + path;
    const std::string parent = target.substr(0, target.rfind('/'));
    if (folders.insert(parent).second) TRY_VOID(files.MakeDirectories(parent, 0755));
    TRY_VOID(files.Rename(from + "/" + path, target));
  }
  for (const std::string& parent : folders) TRY_VOID(files.SyncDirectory(parent));
  return {};
}

Result<std::vector<std::string>> Export(FileSystem& files, oci::ContentSource& content,
                                        std::string_view manifest_json, const std::string& folder) {
  TRY(manifest, oci::ParseManifest(manifest_json));
  const std::string waiting = fmt::format("{}/.slipway-partial", folder);
  const std::string aside = waiting + "/" + RandomHexId(SystemRandom());
  auto paths = ExportAside(files, content, manifest, aside);
  Result<void> moved;
  if (paths.has_value()) moved = MoveFiles(files, aside, *paths, folder);
  (void)files.RemoveTree(waiting);
  if (!moved.has_value()) return moved.error();
  return paths;
}

}  // namespace slipway::model
