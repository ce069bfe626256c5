#include "model/unpack.h"

#include <set>

#include <fmt/format.h>

#include "base/crash_point.h"
#include "base/random.h"
#include "model/formats/recognise.h"
#include "model/layer_files.h"
#include "model/limits.h"

namespace slipway::model {
namespace {

constexpr size_t kPieceBytes = 1 << 20;
constexpr int kFileMode = 0444;

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

Result<UnpackedModel> Describe(oci::ContentSource& content, const std::vector<LayerFile>& layers,
                               const std::string& folder) {
  std::vector<FileHint> hints;
  for (const LayerFile& wanted : layers) {
    TRY(file, content.Open(wanted.layer.digest));
    std::string head(kHeadBytes, '\0');
    TRY(size, file->ReadAt(0, head.data(), head.size()));
    head.resize(size);
    hints.push_back({wanted.path, std::move(head)});
  }
  Recognised recognised = Recognise(hints);
  if (!recognised.problem.empty()) {
    return InvalidArgument("MODEL_AMBIGUOUS", std::move(recognised.problem));
  }
  return UnpackedModel{.path = folder,
                       .format = std::move(recognised.format),
                       .model_file = std::move(recognised.main_file)};
}

// Builds the folder aside; on failure nothing of it is left.
Result<void> Build(FileSystem& files, oci::ContentSource& content,
                   const std::vector<LayerFile>& layers, const std::string& aside) {
  TRY_VOID(files.MakeDirectories(aside, 0755));
  std::set<std::string> folders = {aside};
  for (const LayerFile& wanted : layers) {
    const std::string to = aside + "/" + wanted.path;
    const std::string folder = to.substr(0, to.rfind('/'));
    if (folders.insert(folder).second) TRY_VOID(files.MakeDirectories(folder, 0755));
    TRY_VOID(Place(files, content, wanted, to));
  }
  for (const std::string& folder : folders) TRY_VOID(files.SyncDirectory(folder));
  return {};
}

}  // namespace

Result<UnpackedModel> Unpack(FileSystem& files, oci::ContentSource& content,
                             std::string_view manifest_json, const Digest& manifest_digest,
                             const std::string& unpacked_root) {
  TRY(manifest, oci::ParseManifest(manifest_json));
  TRY(layers, LayerFiles(manifest));
  const std::string folder = fmt::format("{}/{}", unpacked_root, manifest_digest.hex());
  TRY(described, Describe(content, layers, folder));
  TRY(there, files.Exists(folder));
  if (there) return described;
  const std::string aside = fmt::format("{}.{}.partial", folder, RandomHexId(SystemRandom()));
  auto built = Build(files, content, layers, aside);
  if (!built.has_value()) {
    (void)files.RemoveTree(aside);
    return built.error();
  }
  CRASH_POINT("unpack.built");
  auto renamed = files.Rename(aside, folder);
  if (!renamed.has_value()) {
    (void)files.RemoveTree(aside);
    // Somebody else unpacked the same model meanwhile: theirs is as good.
    TRY(theirs, files.Exists(folder));
    if (!theirs) return renamed.error();
  }
  CRASH_POINT("unpack.renamed");
  TRY_VOID(files.SyncDirectory(unpacked_root));
  return described;
}

}  // namespace slipway::model
