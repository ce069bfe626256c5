#include "model/pull.h"

#include <algorithm>
#include <atomic>
#include <set>

#include <fmt/format.h>

#include "model/archive/extract.h"
#include "model/download.h"
#include "model/export.h"
#include "model/layer_files.h"
#include "model/limits.h"
#include "model/path.h"
#include "model/stored_layer.h"
#include "model/waiting_folder.h"

namespace slipway::model {
namespace {

// What is a link, or behind one, is not there.
Result<bool> IsThere(FileSystem& files, const std::string& folder, const std::string& path,
                     const oci::Descriptor& layer) {
  auto info = files.Info(path);
  if (!info.has_value() || info->is_directory || info->size_bytes != layer.size_bytes) return false;
  auto opened = files.Open(path, {.refuse_special = true, .beneath = folder});
  if (!opened.has_value() && opened.error().code() == Code::kInvalidArgument) return false;
  TRY(file, std::move(opened));
  Hasher hasher(layer.digest.algorithm());
  TRY_VOID(HashFile(*file, layer.size_bytes, hasher));
  return hasher.Finish() == layer.digest;
}

// One layer on its way: a file of the package, or an archive that waits in a folder of its own.
struct Wanted {
  const LayerFile* file = nullptr;
  std::string target;
  std::string shown;  // in progress and errors
};

std::vector<Wanted> TargetsOf(const std::vector<LayerFile>& layers, const std::string& folder,
                              const std::string& waiting) {
  std::vector<Wanted> all;
  for (const LayerFile& layer : layers) {
    const std::string hex(layer.layer.digest.hex());
    if (layer.archive) {
      all.push_back({&layer, waiting + "/" + hex, fmt::format("archive {}", hex.substr(0, 12))});
    } else {
      all.push_back({&layer, folder + "/" + layer.path, layer.path});
    }
  }
  return all;
}

// Those that are not here already with their content.
Result<std::vector<const Wanted*>> Missing(FileSystem& files, const std::string& folder,
                                           const std::vector<Wanted>& all, Transfers& transfers) {
  std::vector<char> is_there(all.size());  // one byte each: threads write side by side
  TRY_VOID(transfers.Run(all.size(), [&](size_t index, oci::Client&) -> Result<void> {
    TRY(found, IsThere(files, folder, all[index].target, all[index].file->layer));
    is_there[index] = found ? 1 : 0;
    return {};
  }));
  std::vector<const Wanted*> missing;
  std::set<std::string> targets;
  for (size_t i = 0; i < all.size(); ++i) {
    // An archive may be there twice in a manifest.
    if (is_there[i] == 0 && targets.insert(all[i].target).second) missing.push_back(&all[i]);
  }
  return missing;
}

Result<uint64_t> PullOne(FileSystem& files, const std::string& folder, const Wanted& wanted,
                         const std::string& repository, oci::Client& client, Transfers& transfers) {
  const std::string& target = wanted.target;
  TRY_VOID(files.MakeDirectories(target.substr(0, target.rfind('/')), 0755));
  const std::string partial = target + std::string(kPartialSuffix);
  TRY(file, files.Open(partial, {.write = true,
                                 .create = true,
                                 .refuse_special = true,
                                 .beneath = folder,
                                 .mode = 0644}));
  auto loaded = Download(*file, wanted.file->layer, repository, wanted.shown, client, transfers);
  if (loaded.has_value()) {
    TRY_VOID(files.Rename(partial, target));
    return loaded;
  }
  // What is left of a cut transfer is of use for the next try; nothing else is.
  if (loaded.error().reason() == "DIGEST_MISMATCH") TRY_VOID(files.Remove(partial));
  return loaded;
}

// The small content that says what is in the archives; empty where nobody asks for it.
Result<std::string> LoadConfig(const oci::Manifest& manifest, const std::string& repository,
                               oci::Client& client) {
  if (!NeedsConfig(manifest) || !manifest.config) return std::string();
  const oci::Descriptor& config = *manifest.config;
  if (config.size_bytes > kMaxConfigBytes) {
    return InvalidArgument("CONFIG_TOO_LARGE",
                           fmt::format("the config has {} bytes, at most {} are read",
                                       config.size_bytes, kMaxConfigBytes));
  }
  std::string bytes;
  TRY_VOID(client.DownloadBlob(
      repository, config.digest, config.size_bytes, 0,
      [&bytes](std::string_view piece) -> Result<void> {
        bytes += piece;
        return {};
      },
      Hasher(config.digest.algorithm())));
  return bytes;
}

// Unpacks the archives aside, all of them before the first file is put in its place: of a package
// with an archive that is refused nothing of any archive appears.
Result<std::vector<std::string>> UnpackArchives(FileSystem& files, const std::vector<Wanted>& all,
                                                EntryNames& names, WaitingFolder& waiting) {
  std::vector<std::string> paths;
  TRY(aside, waiting.MakeAside());
  for (const Wanted& wanted : all) {
    if (!wanted.file->archive) continue;
    TRY(file, files.Open(wanted.target, {.refuse_special = true}));
    TRY(archive, OpenArchive(*file, *wanted.file->archive, names, wanted.file->path));
    auto extracted = Extract(files, *archive, aside, {.file_mode = 0644});
    if (!extracted.has_value()) {
      return extracted.error().Prefixed(fmt::format("{}: ", wanted.shown));
    }
    paths.insert(paths.end(), extracted->begin(), extracted->end());
  }
  TRY_VOID(waiting.MoveAll(aside, paths));
  return paths;
}

// The metadata as the package's own tool writes them, unless the package has a file of that name.
Result<void> WriteMetadataFile(FileSystem& files, const oci::Manifest& manifest,
                               const std::string& config, const std::string& folder,
                               Pulled& pulled) {
  const auto exported = ExportedMetadata(manifest, config);
  if (!exported || std::ranges::find(pulled.files, exported->path) != pulled.files.end()) return {};
  pulled.files.push_back(exported->path);
  return WriteFileDurably(files, folder + "/" + exported->path, exported->content, 0644);
}

Result<void> Finish(FileSystem& files, const std::vector<Wanted>& all, EntryNames& names,
                    WaitingFolder& waiting, Pulled& pulled) {
  bool has_archives = false;
  for (const Wanted& wanted : all) {
    has_archives = has_archives || wanted.file->archive;
    if (!wanted.file->archive) pulled.files.push_back(wanted.file->path);
  }
  if (!has_archives) return {};
  auto unpacked = UnpackArchives(files, all, names, waiting);
  if (!unpacked.has_value()) {
    // The archives stay: they are whole, and need not be loaded again.
    (void)waiting.CleanUp(/*all=*/false);
    return unpacked.error();
  }
  pulled.files.insert(pulled.files.end(), unpacked->begin(), unpacked->end());
  std::ranges::sort(pulled.files);
  return waiting.CleanUp(/*all=*/true);
}

}  // namespace

Result<Pulled> Pull(FileSystem& files, const oci::Reference& from, oci::Client& client,
                    const std::string& folder, const TransferOptions& options) {
  TRY(fetched, client.GetManifest(from.repository, from.Selector()));
  TRY(manifest, oci::ParseManifest(fetched.bytes, fetched.media_type));
  TRY_VOID(CheckNoIndex(manifest));
  TRY(config, LoadConfig(manifest, from.repository, client));
  EntryNames names;
  TRY(layers, LayerFiles(manifest, config, names));
  Pulled pulled{.digest = fetched.digest, .files = {}};
  TRY(waiting, WaitingFolder::Open(files, folder));
  Transfers transfers(client, options);
  const std::vector<Wanted> all = TargetsOf(layers, folder, waiting.downloads());
  std::vector<std::string> paths;
  for (const LayerFile& layer : layers) {
    if (!layer.archive) paths.push_back(layer.path);
  }
  TRY_VOID(waiting.MakeFolders(paths));
  TRY(missing, Missing(files, folder, all, transfers));
  for (const Wanted* wanted : missing) {
    transfers.Report(wanted->shown, 0, wanted->file->layer.size_bytes);
  }
  std::atomic<uint64_t> received_bytes = 0;
  TRY_VOID(transfers.Run(missing.size(), [&](size_t index, oci::Client& worker) -> Result<void> {
    TRY(bytes, PullOne(files, folder, *missing[index], from.repository, worker, transfers));
    received_bytes += bytes;
    return {};
  }));
  pulled.bytes_downloaded = received_bytes;
  TRY_VOID(Finish(files, all, names, waiting, pulled));
  TRY_VOID(WriteMetadataFile(files, manifest, config, folder, pulled));
  TRY_VOID(files.SyncDirectory(folder));
  return pulled;
}

}  // namespace slipway::model
