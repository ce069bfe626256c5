#include "model/unpack.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/crash_point.h"
#include "base/random.h"
#include "model/archive/extract.h"
#include "model/formats/recognise.h"
#include "model/layer_files.h"
#include "model/limits.h"
#include "model/stored_layer.h"

namespace slipway::model {
namespace {

constexpr int kFileMode = 0444;

Result<std::string> ReadHead(File& file) {
  std::string head(kHeadBytes, '\0');
  TRY(size, file.ReadAt(0, head.data(), head.size()));
  head.resize(size);
  return head;
}

Result<void> Place(FileSystem& files, oci::ContentSource& content, const LayerFile& wanted,
                   const std::string& aside, const WriteOptions& options) {
  const std::string to = aside + "/" + wanted.path;
  TRY(file, OpenLayer(content, wanted.layer));
  const auto local = content.LocalPath(wanted.layer.digest);
  if (local && files.Link(*local, to).has_value()) return {};
  return CopyLayer(files, *file, wanted.layer, to, aside, options);
}

bool HasArchives(const StoredLayers& stored) {
  return std::ranges::any_of(stored.layers,
                             [](const LayerFile& layer) { return layer.archive.has_value(); });
}

Result<UnpackedModel> Choose(const std::vector<FileHint>& hints, const std::string& folder) {
  Recognised recognised = Recognise(hints);
  if (!recognised.problem.empty()) {
    return InvalidArgument("MODEL_AMBIGUOUS", std::move(recognised.problem));
  }
  return UnpackedModel{.path = folder,
                       .format = std::move(recognised.format),
                       .model_file = std::move(recognised.main_file)};
}

// Of a package without archives, from its content; nothing is unpacked yet.
Result<UnpackedModel> DescribeLayers(oci::ContentSource& content,
                                     const std::vector<LayerFile>& layers,
                                     const std::string& folder) {
  std::vector<FileHint> hints;
  for (const LayerFile& wanted : layers) {
    TRY(file, content.Open(wanted.layer.digest));
    TRY(head, ReadHead(*file));
    hints.push_back({wanted.path, std::move(head)});
  }
  return Choose(hints, folder);
}

// Of what is unpacked at `at`, which is or will be `folder`.
Result<UnpackedModel> DescribeFolder(FileSystem& files, const std::string& at,
                                     const std::string& folder) {
  TRY(paths, ListFiles(files, at));
  std::vector<FileHint> hints;
  for (std::string& path : paths) {
    std::string head;
    if (hints.size() < kMaxPackageFiles) {
      TRY(file, files.Open(at + "/" + path, {}));
      TRY(bytes, ReadHead(*file));
      head = std::move(bytes);
    }
    hints.push_back({std::move(path), std::move(head)});
  }
  return Choose(hints, folder);
}

// Builds the folder aside.
Result<void> Build(FileSystem& files, oci::ContentSource& content, StoredLayers& stored,
                   const std::string& aside, const WriteOptions& options) {
  TRY_VOID(files.MakeDirectories(aside, 0755));
  std::set<std::string> folders = {aside};
  for (const LayerFile& wanted : stored.layers) {
    if (wanted.archive) continue;
    const std::string to = aside + "/" + wanted.path;
    const std::string folder = to.substr(0, to.rfind('/'));
    if (folders.insert(folder).second) TRY_VOID(files.MakeDirectories(folder, 0755));
    TRY_VOID(Place(files, content, wanted, aside, options));
  }
  for (const LayerFile& wanted : stored.layers) {
    if (!wanted.archive) continue;
    TRY(file, OpenLayer(content, wanted.layer));
    TRY_VOID(ExtractLayer(files, *file, wanted, stored.names, aside, options));
  }
  for (const std::string& folder : folders) TRY_VOID(files.SyncDirectory(folder));
  return {};
}

// The folder appears whole, or is that of somebody else who unpacked the same model meanwhile.
Result<UnpackedModel> BuildAndRename(FileSystem& files, oci::ContentSource& content,
                                     StoredLayers& stored, const std::string& folder,
                                     const std::string& aside, const WriteOptions& options) {
  // What is there is looked at before it is linked; archives only tell when they are unpacked.
  const bool has_archives = HasArchives(stored);
  Result<UnpackedModel> described = UnpackedModel{};
  if (!has_archives) described = DescribeLayers(content, stored.layers, folder);
  if (!described.has_value()) return described;
  TRY_VOID(Build(files, content, stored, aside, options));
  CRASH_POINT("unpack.built");
  if (has_archives) described = DescribeFolder(files, aside, folder);
  if (!described.has_value()) return described.error();
  auto renamed = files.Rename(aside, folder);
  if (!renamed.has_value()) {
    TRY(theirs, files.Exists(folder));
    if (!theirs) return renamed.error();
    (void)files.RemoveTree(aside);
  }
  CRASH_POINT("unpack.renamed");
  return described;
}

}  // namespace

Result<UnpackedModel> Unpack(FileSystem& files, oci::ContentSource& content,
                             std::string_view manifest_json, const Digest& manifest_digest,
                             const std::string& unpacked_root, const UnpackOptions& options) {
  TRY(manifest, oci::ParseManifest(manifest_json));
  TRY(stored, ReadStoredLayers(content, manifest));
  const std::string folder = fmt::format("{}/{}", unpacked_root, manifest_digest.hex());
  TRY(there, files.Exists(folder));
  if (there && HasArchives(stored)) return DescribeFolder(files, folder, folder);
  if (there) return DescribeLayers(content, stored.layers, folder);
  const std::string aside = fmt::format("{}.{}.partial", folder, RandomHexId(SystemRandom()));
  auto built = BuildAndRename(files, content, stored, folder, aside,
                              {.file_mode = kFileMode, .check = options.check});
  if (!built.has_value()) {
    // On failure nothing of it is left.
    (void)files.RemoveTree(aside);
    return built.error();
  }
  TRY_VOID(files.SyncDirectory(unpacked_root));
  return built;
}

}  // namespace slipway::model
