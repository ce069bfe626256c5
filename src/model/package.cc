#include "model/package.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "model/collect.h"
#include "model/file_kind.h"
#include "model/formats/onnx.h"
#include "model/formats/recognise.h"
#include "model/inspect.h"
#include "model/layer_content.h"
#include "model/limits.h"
#include "model/metadata/model_pack_config.h"
#include "model/modelcar/modelcar.h"
#include "model/ormb/ormb_file.h"
#include "model/ormb/ormb_package.h"
#include "oci/content_source.h"
#include "oci/descriptor.h"
#include "oci/media_types.h"

namespace slipway::model {
namespace {

bool IsOnnxName(std::string_view path) {
  constexpr std::string_view kSuffix = ".onnx";
  if (path.size() < kSuffix.size()) return false;
  return std::ranges::equal(path.substr(path.size() - kSuffix.size()), kSuffix, {},
                            [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
}

Result<std::string> ReadHead(FileSystem& files, const PackageFile& file) {
  TRY(open, OpenCollected(files, file));
  std::string head(kHeadBytes, '\0');
  TRY(size, open->ReadAt(0, head.data(), head.size()));
  head.resize(size);
  return head;
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

// Metadata that are too large would be lost to every reader.
Result<void> CheckNotMetadata(FileSystem& files, const PackageFile& file) {
  TRY(head, ReadHead(files, file));
  if (file.path != kOrmbFile && !LooksLikeMetadata(file.path, head)) return {};
  return InvalidArgument(
      "METADATA_INVALID",
      fmt::format("{} has {} bytes, metadata at most {}: put what is long into files of its own",
                  file.path, file.size_bytes, kMaxMetadataBytes));
}

// The text of a file of the package that may be metadata, if it is there.
Result<std::optional<std::string>> ReadText(FileSystem& files, const Package& package,
                                            std::string_view path) {
  const PackageFile* file = FindFile(package.files, path);
  if (file == nullptr) return std::optional<std::string>();
  if (file->size_bytes > kMaxMetadataBytes) {
    TRY_VOID(CheckNotMetadata(files, *file));
    return std::optional<std::string>();
  }
  TRY(open, OpenCollected(files, *file));
  TRY(text, oci::ReadFile(*open, kMaxMetadataBytes));
  return std::optional<std::string>(std::move(text));
}

Result<void> ReadMetadataFiles(FileSystem& files, Package& package) {
  for (const std::string_view name : kMetadataFiles) {
    TRY(text, ReadText(files, package, name));
    if (!text || !IsMetadata(name, *text)) continue;
    TRY(metadata, ParseMetadata(name, *text));
    if (!metadata.readme.empty() && FindFile(package.files, metadata.readme) == nullptr) {
      return Error(Code::kInvalidArgument, "METADATA_INVALID",
                   fmt::format("{}: readme: there is no {} in the package", name, metadata.readme),
                   {{"field", "readme"}});
    }
    package.metadata = std::move(metadata);
    package.metadata_file = name;
    return {};
  }
  TRY(text, ReadText(files, package, kOrmbFile));
  if (!text) return {};
  TRY(ormb, ParseOrmbFile(*text));
  package.metadata = FromOrmb(ormb);
  package.metadata_file = kOrmbFile;
  return {};
}

Result<void> RecogniseFiles(FileSystem& files, Package& package) {
  std::vector<FileHint> hints;
  for (const PackageFile& file : package.files) {
    package.size_bytes += file.size_bytes;
    std::string head;  // of very many files the first ones: all heads would be a lot of memory
    if (hints.size() < kMaxPackageFiles) {
      TRY(bytes, ReadHead(files, file));
      head = std::move(bytes);
    }
    hints.push_back({.path = file.path, .head = std::move(head)});
  }
  Recognised recognised = Recognise(hints);
  package.format = std::move(recognised.format);
  package.model_file = std::move(recognised.main_file);
  return ReadModelFile(files, package);
}

// ModelPack: one raw layer a file.
void PlanModelPack(Package& package) {
  for (size_t i = 0; i < package.files.size(); ++i) {
    PackageFile& file = package.files[i];
    const std::string_view kind = file.path == package.model_file ? "weight" : FileKind(file.path);
    file.media_type = fmt::format("{}{}.v1.raw", oci::kModelLayerPrefix, kind);
    package.layers.push_back({.shown = file.path,
                              .media_type = file.media_type,
                              .digest = Digest::Of(""),
                              .annotations = {{std::string(oci::kModelFilePath), file.path}},
                              .parts = {{.bytes = "", .file = i}}});
  }
}

void FinishModelPack(Package& package) {
  std::vector<Digest> digests;
  for (const PackageLayer& layer : package.layers) digests.push_back(layer.digest);
  package.config = WriteModelPackConfig(package.metadata, package.format, digests);
  package.config_digest = Digest::Of(package.config);
  Json layers = Json::array();
  for (const PackageLayer& layer : package.layers) {
    layers.push_back({{"mediaType", layer.media_type},
                      {"digest", layer.digest.text()},
                      {"size", layer.size_bytes},
                      {"annotations", layer.annotations}});
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
}

Result<void> Plan(Package& package) {
  switch (package.form) {
    case PackageForm::kOrmb:
      return PlanOrmb(package);
    case PackageForm::kModelcar:
      PlanModelcar(package);
      return {};
    case PackageForm::kModelPack:
      break;
  }
  PlanModelPack(package);
  return {};
}

void Finish(Package& package, const std::string& architecture) {
  switch (package.form) {
    case PackageForm::kOrmb:
      FinishOrmb(package);
      break;
    case PackageForm::kModelcar:
      FinishModelcar(package, architecture);
      break;
    case PackageForm::kModelPack:
      FinishModelPack(package);
      break;
  }
  package.config_digest = Digest::Of(package.config);
  package.manifest_digest = Digest::Of(package.manifest);
}

// What nobody could read back is told before the files are read.
Result<void> CheckSizes(const Package& package) {
  if (package.config.size() > kMaxConfigBytes) {
    return InvalidArgument(
        "PACKAGE_CONFIG_SIZE",
        fmt::format("metadata and names of files are {} bytes in the package's config, at most {} "
                    "are read: put long texts into files of their own, or files into archives",
                    package.config.size(), kMaxConfigBytes));
  }
  if (package.manifest.size() > kMaxPackageManifestBytes) {
    return InvalidArgument(
        "PACKAGE_MANIFEST_SIZE",
        fmt::format("names of files and annotations make a manifest of {} bytes, registries take "
                    "{}: use shorter names and texts, or --form ormb, which makes one archive of "
                    "all files",
                    package.manifest.size(), kMaxPackageManifestBytes));
  }
  return {};
}

// ormb packs everything that is in its folder. Where one archive holds many files, it may be more
// of them.
CollectOptions CollectOptionsOf(PackageForm form) {
  CollectOptions options;
  if (form == PackageForm::kOrmb) options.whole_folder = kOrmbFolder;
  if (form != PackageForm::kModelPack) options.max_files = kMaxArchiveEntries;
  return options;
}

Result<Package> FindModel(FileSystem& files, const std::string& path, PackageForm form,
                          const CollectOptions& options) {
  TRY(found, CollectFiles(files, path, options));
  TRY_VOID(AddExternalFiles(files, found.files));
  Package package{.form = form,
                  .files = std::move(found.files),
                  .config = "",
                  .config_digest = Digest::Of(""),
                  .manifest = "",
                  .manifest_digest = Digest::Of(""),
                  .format = "",
                  .model_file = "",
                  .signature = std::nullopt,
                  .metadata_file = "",
                  .left_out = std::move(found.left_out)};
  TRY_VOID(ReadMetadataFiles(files, package));
  if (package.form == PackageForm::kOrmb) KeepOrmbFiles(package);
  TRY_VOID(RecogniseFiles(files, package));
  return package;
}

}  // namespace

Result<Package> PackageModel(FileSystem& files, const std::string& path,
                             const PackageOptions& options) {
  TRY(package, FindModel(files, path, options.form, CollectOptionsOf(options.form)));
  TRY_VOID(Plan(package));
  Finish(package, options.architecture);
  TRY_VOID(CheckSizes(package));
  for (PackageLayer& layer : package.layers) {
    TRY_VOID(options.read_layer ? options.read_layer(package, layer)
                                : HashLayer(files, package, layer, options.progress));
  }
  Finish(package, options.architecture);
  TRY_VOID(CheckSizes(package));
  return package;
}

Result<Package> LookAtModel(FileSystem& files, const std::string& path) {
  return FindModel(files, path, PackageForm::kModelPack, {.max_files = kMaxArchiveEntries});
}

}  // namespace slipway::model
