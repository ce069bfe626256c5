#include "model/unpack.h"

#include <algorithm>
#include <set>
#include <variant>

#include <fmt/format.h>

#include "async/guarded.h"
#include "base/crash_point.h"
#include "base/random.h"
#include "model/archive/extract.h"
#include "model/formats/recognise.h"
#include "model/layer_files.h"
#include "model/limits.h"
#include "model/stored_layer.h"
#include "model/unpacked_sources.h"

namespace slipway::model {
namespace {

constexpr int kFileMode = 0444;

Result<std::string> ReadHead(File& file) {
  std::string head(kHeadBytes, '\0');
  TRY(size, file.ReadAt(0, head.data(), head.size()));
  head.resize(size);
  return head;
}

// What is unpacked, and of what.
struct Wanted {
  StoredLayers& stored;
  std::string sources;
  std::string folder;  // where it is to be
  std::string aside;   // where it is made
  bool any_files = false;
};

// What is no file of its own is small, and checked: nothing tells later that it was healed.
WriteOptions OptionsFor(WriteOptions options, const std::optional<std::string>& local) {
  options.verify = !local;
  return options;
}

Result<void> Place(FileSystem& files, oci::ContentSource& content, const LayerFile& wanted,
                   const std::string& aside, const WriteOptions& options) {
  const std::string to = aside + "/" + wanted.path;
  TRY(file, OpenLayer(content, wanted.layer));
  const auto local = content.LocalPath(wanted.layer.digest);
  if (local && files.Link(*local, to).has_value()) return {};
  return CopyLayer(files, *file, wanted.layer, to, aside, OptionsFor(options, local));
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
  std::erase(paths, kSourcesFile);
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

Result<void> WriteSources(FileSystem& files, const Wanted& wanted) {
  const auto is_free = wanted.stored.names.Add("", std::string(kSourcesFile), false);
  if (!is_free) return is_free.error();
  TRY(file, files.Open(fmt::format("{}/{}", wanted.aside, kSourcesFile),
                       {.write = true, .create = true, .exclusive = true, .mode = kFileMode}));
  TRY_VOID(file->WriteAt(0, wanted.sources));
  return file->Sync();
}

// Builds the folder aside.
Result<void> Build(FileSystem& files, oci::ContentSource& content, const Wanted& wanted,
                   const WriteOptions& options) {
  const std::string& aside = wanted.aside;
  TRY_VOID(files.MakeDirectories(aside, 0755));
  std::set<std::string> folders = {aside};
  for (const LayerFile& layer : wanted.stored.layers) {
    if (layer.archive) continue;
    const std::string to = aside + "/" + layer.path;
    const std::string folder = to.substr(0, to.rfind('/'));
    if (folders.insert(folder).second) TRY_VOID(files.MakeDirectories(folder, 0755));
    TRY_VOID(Place(files, content, layer, aside, options));
  }
  for (const LayerFile& layer : wanted.stored.layers) {
    if (!layer.archive) continue;
    TRY(file, OpenLayer(content, layer.layer));
    const auto local = content.LocalPath(layer.layer.digest);
    TRY_VOID(
        ExtractLayer(files, *file, layer, wanted.stored.names, aside, OptionsFor(options, local)));
  }
  TRY_VOID(WriteSources(files, wanted));
  for (const std::string& folder : folders) TRY_VOID(files.SyncDirectory(folder));
  return {};
}

// The folder appears whole. One that somebody else made of the same meanwhile stays; one that was
// made of other files makes way, and who has it open keeps what he has.
Result<void> Publish(FileSystem& files, const Wanted& wanted) {
  static Guarded<std::monostate> renames;
  return renames.With([&](std::monostate&) -> Result<void> {
    TRY(there, files.Exists(wanted.folder));
    if (there && IsMadeOf(files, wanted.folder, wanted.sources, wanted.stored.layers)) {
      return files.RemoveTree(wanted.aside);
    }
    const std::string old =
        fmt::format("{}.{}.partial", wanted.folder, RandomHexId(SystemRandom()));
    if (there) TRY_VOID(files.Rename(wanted.folder, old));
    CRASH_POINT("unpack.old_away");
    TRY_VOID(files.Rename(wanted.aside, wanted.folder));
    CRASH_POINT("unpack.renamed");
    // What is left of it is swept later.
    if (there) (void)files.RemoveTree(old);
    return {};
  });
}

Result<UnpackedModel> BuildAndRename(FileSystem& files, oci::ContentSource& content,
                                     const Wanted& wanted, const WriteOptions& options) {
  // What is there is looked at before it is linked; archives only tell when they are unpacked.
  const bool is_told_late = HasArchives(wanted.stored) && !wanted.any_files;
  Result<UnpackedModel> described = UnpackedModel{.path = wanted.folder};
  if (!is_told_late && !wanted.any_files) {
    described = DescribeLayers(content, wanted.stored.layers, wanted.folder);
  }
  if (!described.has_value()) return described;
  TRY_VOID(Build(files, content, wanted, options));
  CRASH_POINT("unpack.built");
  if (is_told_late) described = DescribeFolder(files, wanted.aside, wanted.folder);
  if (!described.has_value()) return described.error();
  TRY_VOID(Publish(files, wanted));
  return described;
}

}  // namespace

Result<UnpackedModel> Unpack(FileSystem& files, oci::ContentSource& content,
                             std::string_view manifest_json, const Digest& manifest_digest,
                             const std::string& unpacked_root, const UnpackOptions& options) {
  TRY(manifest, oci::ParseManifest(manifest_json));
  TRY(stored, ReadStoredLayers(content, manifest));
  const std::string folder = fmt::format("{}/{}", unpacked_root, manifest_digest.hex());
  const Wanted wanted{.stored = stored,
                      .sources = SourcesOf(files, content, stored.layers),
                      .folder = folder,
                      .aside = fmt::format("{}.{}.partial", folder, RandomHexId(SystemRandom())),
                      .any_files = options.any_files};
  if (IsMadeOf(files, folder, wanted.sources, stored.layers)) {
    if (options.any_files) return UnpackedModel{.path = folder};
    return HasArchives(stored) ? DescribeFolder(files, folder, folder)
                               : DescribeLayers(content, stored.layers, folder);
  }
  auto built =
      BuildAndRename(files, content, wanted, {.file_mode = kFileMode, .check = options.check});
  if (!built.has_value()) {
    // On failure nothing of it is left.
    (void)files.RemoveTree(wanted.aside);
    return built.error();
  }
  TRY_VOID(files.SyncDirectory(unpacked_root));
  return built;
}

}  // namespace slipway::model
