#include "model/package.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "model/collect.h"
#include "model/formats/onnx.h"
#include "model/formats/recognise.h"
#include "model/inspect.h"
#include "model/limits.h"
#include "oci/descriptor.h"
#include "oci/media_types.h"

namespace slipway::model {
namespace {

constexpr size_t kPieceBytes = 1 << 20;

std::string_view NameOf(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

bool IsOnnxName(std::string_view path) {
  constexpr std::string_view kSuffix = ".onnx";
  if (path.size() < kSuffix.size()) return false;
  return std::ranges::equal(path.substr(path.size() - kSuffix.size()), kSuffix, {},
                            [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
}

// The ModelPack kind of a file that is not the model itself.
std::string_view KindOf(std::string_view path) {
  const std::string_view name = NameOf(path);
  const std::string_view suffix = name.substr(std::min(name.rfind('.'), name.size()));
  constexpr std::string_view kDocs[] = {".md", ".rst", ".pdf", ".html"};
  constexpr std::string_view kConfigs[] = {".json", ".yaml",  ".yml", ".toml",
                                           ".ini",  ".pbtxt", ".txt", ".csv"};
  constexpr std::string_view kCode[] = {".py", ".ipynb", ".sh", ".cc", ".cpp", ".h"};
  if (std::ranges::find(kDocs, suffix) != std::end(kDocs) || name.starts_with("LICENSE") ||
      name.starts_with("README")) {
    return "doc";
  }
  if (std::ranges::find(kConfigs, suffix) != std::end(kConfigs)) return "weight.config";
  if (std::ranges::find(kCode, suffix) != std::end(kCode)) return "code";
  return "weight";
}

// Digest of a file; its head goes to `head`.
Result<void> Hash(FileSystem& files, PackageFile& file, std::string& head,
                  const Progress& progress) {
  TRY(open, OpenCollected(files, file));
  Hasher hasher;
  std::string piece(kPieceBytes, '\0');
  uint64_t offset = 0;
  while (true) {
    TRY(size, open->ReadAt(offset, piece.data(), piece.size()));
    if (size == 0) break;
    const std::string_view bytes(piece.data(), size);
    if (offset == 0) head = bytes.substr(0, kHeadBytes);
    hasher.Update(bytes);
    offset += size;
    if (progress) progress(file.path, offset, std::max(file.size_bytes, offset));
  }
  TRY_VOID(CheckUnchanged(file, *open));
  file.digest = hasher.Finish();
  return {};
}

const PackageFile* FindFile(const std::vector<PackageFile>& files, std::string_view path) {
  const auto found = std::ranges::find(files, path, &PackageFile::path);
  return found == files.end() ? nullptr : &*found;
}

std::string FolderOf(std::string_view path) {
  return std::string(path.substr(0, path.rfind('/') + 1));
}

Result<OnnxModel> ReadOnnxFile(FileSystem& files, const PackageFile& file) {
  TRY(open, OpenCollected(files, file));
  auto model = ReadOnnx(*open);
  if (!model.has_value()) {
    return model.error().Prefixed(fmt::format("{} is no ONNX model: ", file.path));
  }
  return model;
}

// A model that was named alone brings the files beside it that hold its weights.
Result<void> AddExternalFiles(FileSystem& files, std::vector<PackageFile>& found) {
  if (found.size() != 1 || !IsOnnxName(found[0].path)) return {};
  TRY(model, ReadOnnxFile(files, found[0]));
  // Links of the path that was named are its owner's choice; those beside the model are followed as
  // in a folder.
  const std::string folder = FolderOf(found[0].source);
  TRY(root, files.Canonical(folder));
  for (const std::string& path : model.external_files) {
    TRY(source, FollowLink(files, root, folder + path));
    TRY(info, files.Info(source));
    TRY_VOID(CheckNotSpecial(source, info));
    found.push_back({.path = path,
                     .source = std::move(source),
                     .root = root,
                     .seen = info,
                     .size_bytes = info.size_bytes,
                     .digest = Digest::Of(""),
                     .media_type = ""});
  }
  std::ranges::sort(found, {}, &PackageFile::path);
  return {};
}

// Every ONNX file is one, and has its weights with it.
Result<void> CheckOnnxFiles(FileSystem& files, const Package& package) {
  for (const PackageFile& file : package.files) {
    if (!IsOnnxName(file.path)) continue;
    TRY(model, ReadOnnxFile(files, file));
    for (const std::string& path : model.external_files) {
      if (FindFile(package.files, FolderOf(file.path) + path) != nullptr) continue;
      return InvalidArgument(
          "MODEL_INVALID",
          fmt::format("{}: its weights are in {}, which is not in the package", file.path, path));
    }
  }
  return {};
}

Result<void> ReadModelFile(FileSystem& files, Package& package) {
  TRY_VOID(CheckOnnxFiles(files, package));
  const PackageFile* file = FindFile(package.files, package.model_file);
  if (file == nullptr) return {};
  TRY(open, OpenCollected(files, *file));
  auto signature = ReadSignature(package.format, *open, file->path);
  if (signature.has_value()) {
    package.signature = *std::move(signature);
  } else if (signature.error().reason() == "MODEL_INVALID") {
    return signature.error();
  }
  return {};
}

void WriteConfig(Package& package) {
  Json digests = Json::array();
  for (const PackageFile& file : package.files) digests.push_back(file.digest.text());
  Json settings = Json::object();
  if (!package.format.empty()) settings["format"] = package.format;
  const Json config = {{"descriptor", Json::object()},
                       {"config", std::move(settings)},
                       {"modelfs", {{"type", "layers"}, {"diffIds", std::move(digests)}}}};
  package.config = DumpJson(config);
  package.config_digest = Digest::Of(package.config);
}

void WriteManifest(Package& package) {
  Json layers = Json::array();
  for (const PackageFile& file : package.files) {
    layers.push_back({{"mediaType", file.media_type},
                      {"digest", file.digest.text()},
                      {"size", file.size_bytes},
                      {"annotations", {{std::string(oci::kModelFilePath), file.path}}}});
  }
  const Json manifest = {{"schemaVersion", 2},
                         {"mediaType", oci::kImageManifestType},
                         {"artifactType", oci::kModelArtifactType},
                         {"config",
                          {{"mediaType", oci::kModelConfigType},
                           {"digest", package.config_digest.text()},
                           {"size", package.config.size()}}},
                         {"layers", std::move(layers)}};
  package.manifest = DumpJson(manifest);
  package.manifest_digest = Digest::Of(package.manifest);
}

}  // namespace

Result<Package> PackageModel(FileSystem& files, const std::string& path, const Progress& progress) {
  TRY(found, CollectFiles(files, path));
  TRY_VOID(AddExternalFiles(files, found));
  Package package{.files = std::move(found),
                  .config = "",
                  .config_digest = Digest::Of(""),
                  .manifest = "",
                  .manifest_digest = Digest::Of(""),
                  .format = "",
                  .model_file = "",
                  .signature = std::nullopt};
  std::vector<FileHint> hints;
  for (PackageFile& file : package.files) {
    FileHint hint{.path = file.path, .head = ""};
    TRY_VOID(Hash(files, file, hint.head, progress));
    package.size_bytes += file.size_bytes;
    hints.push_back(std::move(hint));
  }
  Recognised recognised = Recognise(hints);
  package.format = std::move(recognised.format);
  package.model_file = std::move(recognised.main_file);
  for (PackageFile& file : package.files) {
    const std::string_view kind = file.path == package.model_file ? "weight" : KindOf(file.path);
    file.media_type = fmt::format("{}{}.v1.raw", oci::kModelLayerPrefix, kind);
  }
  TRY_VOID(ReadModelFile(files, package));
  WriteConfig(package);
  WriteManifest(package);
  return package;
}

}  // namespace slipway::model
