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

namespace slipway::model {
namespace {

constexpr size_t kPieceBytes = 1 << 20;
constexpr int kFileMode = 0444;

Result<std::string> ReadHead(File& file) {
  std::string head(kHeadBytes, '\0');
  TRY(size, file.ReadAt(0, head.data(), head.size()));
  head.resize(size);
  return head;
}

Result<void> Copy(FileSystem& files, File& from, const std::string& to, uint64_t size_bytes) {
  TRY(out, files.Open(to, {.write = true, .create = true, .exclusive = true, .mode = kFileMode}));
  std::string piece(kPieceBytes, '\0');
  uint64_t offset = 0;
  while (true) {
    TRY(size, from.ReadAt(offset, piece.data(), piece.size()));
    if (size == 0) break;
    TRY_VOID(out->WriteAt(offset, {piece.data(), size}));
    offset += size;
  }
  if (offset != size_bytes) {
    return DataLoss("UNPACK_SIZE", fmt::format("{}: {} bytes are stored, the manifest says {}", to,
                                               offset, size_bytes));
  }
  return out->Sync();
}

Result<void> Place(FileSystem& files, oci::ContentSource& content, const LayerFile& wanted,
                   const std::string& to) {
  if (auto local = content.LocalPath(wanted.layer.digest)) {
    TRY(info, files.Info(*local));
    if (info.size_bytes != wanted.layer.size_bytes) {
      return DataLoss("UNPACK_SIZE",
                      fmt::format("{}: {} bytes are stored, the manifest says {}", wanted.path,
                                  info.size_bytes, wanted.layer.size_bytes));
    }
    if (files.Link(*local, to).has_value()) return {};
  }
  TRY(file, content.Open(wanted.layer.digest));
  return Copy(files, *file, to, wanted.layer.size_bytes);
}

struct Plan {
  std::vector<LayerFile> layers;
  EntryNames names;
  bool has_archives = false;
};

Result<Plan> MakePlan(oci::ContentSource& content, const oci::Manifest& manifest) {
  Plan plan;
  std::string config;
  if (NeedsConfig(manifest) && manifest.config) {
    TRY(bytes, oci::ReadContent(content, manifest.config->digest, kMaxConfigBytes));
    config = std::move(bytes);
  }
  TRY(layers, LayerFiles(manifest, config, plan.names));
  plan.layers = std::move(layers);
  plan.has_archives = std::ranges::any_of(
      plan.layers, [](const LayerFile& layer) { return layer.archive.has_value(); });
  return plan;
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

Result<void> ExtractLayer(FileSystem& files, oci::ContentSource& content, const LayerFile& layer,
                          EntryNames& names, const std::string& aside) {
  TRY(file, content.Open(layer.layer.digest));
  TRY(info, file->Info());
  if (info.size_bytes != layer.layer.size_bytes) {
    return DataLoss(
        "UNPACK_SIZE",
        fmt::format("layer {}: {} bytes are stored, the manifest says {}",
                    layer.layer.digest.text(), info.size_bytes, layer.layer.size_bytes));
  }
  TRY(archive, OpenArchive(*file, *layer.archive, names, layer.path));
  auto extracted = Extract(files, *archive, aside, {.file_mode = kFileMode});
  if (extracted.has_value()) return {};
  return extracted.error().Prefixed(fmt::format("layer {}: ", layer.layer.digest.text()));
}

// Builds the folder aside.
Result<void> Build(FileSystem& files, oci::ContentSource& content, Plan& plan,
                   const std::string& aside) {
  TRY_VOID(files.MakeDirectories(aside, 0755));
  std::set<std::string> folders = {aside};
  for (const LayerFile& wanted : plan.layers) {
    if (wanted.archive) continue;
    const std::string to = aside + "/" + wanted.path;
    const std::string folder = to.substr(0, to.rfind('/'));
    if (folders.insert(folder).second) TRY_VOID(files.MakeDirectories(folder, 0755));
    TRY_VOID(Place(files, content, wanted, to));
  }
  for (const LayerFile& wanted : plan.layers) {
    if (wanted.archive) TRY_VOID(ExtractLayer(files, content, wanted, plan.names, aside));
  }
  for (const std::string& folder : folders) TRY_VOID(files.SyncDirectory(folder));
  return {};
}

// The folder appears whole, or is that of somebody else who unpacked the same model meanwhile.
Result<UnpackedModel> BuildAndRename(FileSystem& files, oci::ContentSource& content, Plan& plan,
                                     const std::string& folder, const std::string& aside) {
  // What is there is looked at before it is linked; archives only tell when they are unpacked.
  Result<UnpackedModel> described = UnpackedModel{};
  if (!plan.has_archives) described = DescribeLayers(content, plan.layers, folder);
  if (!described.has_value()) return described;
  TRY_VOID(Build(files, content, plan, aside));
  CRASH_POINT("unpack.built");
  if (plan.has_archives) described = DescribeFolder(files, aside, folder);
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
                             const std::string& unpacked_root) {
  TRY(manifest, oci::ParseManifest(manifest_json));
  TRY(plan, MakePlan(content, manifest));
  const std::string folder = fmt::format("{}/{}", unpacked_root, manifest_digest.hex());
  TRY(there, files.Exists(folder));
  if (there && plan.has_archives) return DescribeFolder(files, folder, folder);
  if (there) return DescribeLayers(content, plan.layers, folder);
  const std::string aside = fmt::format("{}.{}.partial", folder, RandomHexId(SystemRandom()));
  auto built = BuildAndRename(files, content, plan, folder, aside);
  if (!built.has_value()) {
    // On failure nothing of it is left.
    (void)files.RemoveTree(aside);
    return built.error();
  }
  TRY_VOID(files.SyncDirectory(unpacked_root));
  return built;
}

}  // namespace slipway::model
