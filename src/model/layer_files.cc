#include "model/layer_files.h"

#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/kitops/kitfile.h"
#include "model/limits.h"
#include "model/ormb/ormb_file.h"
#include "model/path.h"
#include "oci/model_types.h"

namespace slipway::model {
namespace {

constexpr std::string_view kTitle = "org.opencontainers.image.title";

oci::ModelForm Form(const oci::Manifest& manifest) {
  return oci::FormOf(manifest.EffectiveArtifactType());
}

Result<std::string> PathOf(const oci::Descriptor& layer, EntryNames& names) {
  const std::string stated = LayerPath(layer);
  if (stated.empty()) {
    return InvalidArgument("PATH_INVALID", fmt::format("layer {} has no annotation {}",
                                                       layer.digest.text(), oci::kModelFilePath));
  }
  TRY(path, NormalizePath(stated));
  auto added = names.Add("", path, false);
  if (added.has_value()) return added;
  return InvalidArgument("PATH_INVALID",
                         fmt::format("layer {}: {}", layer.digest.text(), added.error().message()));
}

}  // namespace

Json ParseConfig(std::string_view config_json) {
  if (config_json.empty()) return {};
  auto json = ParseJson(config_json, {.max_bytes = kMaxConfigBytes});
  return json.has_value() ? *std::move(json) : Json();
}

std::string LayerPath(const oci::Descriptor& layer) {
  for (const std::string_view name : {oci::kModelFilePath, oci::kOldModelFilePath, kTitle}) {
    const std::string_view path = layer.annotation(name);
    if (!path.empty()) return std::string(path);
  }
  return {};
}

bool NeedsConfig(const oci::Manifest& manifest) {
  const oci::ModelForm form = Form(manifest);
  return form == oci::ModelForm::kKitOps || form == oci::ModelForm::kOrmb;
}

Result<std::vector<LayerFile>> LayerFiles(const oci::Manifest& manifest,
                                          std::string_view config_json, EntryNames& names) {
  if (manifest.layers.size() > kMaxPackageFiles) {
    return InvalidArgument("PACKAGE_TOO_MANY_FILES",
                           fmt::format("the manifest has {} layers, at most {} are taken",
                                       manifest.layers.size(), kMaxPackageFiles));
  }
  std::vector<std::string> folders(manifest.layers.size());
  if (Form(manifest) == oci::ModelForm::kKitOps) {
    TRY(stated, KitLayerFolders(manifest, ParseConfig(config_json)));
    folders = std::move(stated);
  }
  std::vector<LayerFile> files;
  std::set<Digest> archives;
  for (size_t i = 0; i < manifest.layers.size(); ++i) {
    const oci::Descriptor& layer = manifest.layers[i];
    LayerFile file{.path = folders[i], .layer = layer, .archive = ArchiveTypeOf(layer.media_type)};
    if (!file.archive) {
      TRY(path, PathOf(layer, names));
      file.path = std::move(path);
    } else if (!archives.insert(layer.digest).second) {
      // Unpacking one archive thousands of times costs its sender nothing.
      return InvalidArgument("ENTRY_REFUSED",
                             fmt::format("layers[{}]: the archive {} is a layer already; name it "
                                         "once",
                                         i, layer.digest.text()));
    }
    files.push_back(std::move(file));
  }
  return files;
}

std::optional<MetadataFile> ExportedMetadata(const oci::Manifest& manifest,
                                             std::string_view config_json) {
  if (Form(manifest) == oci::ModelForm::kOrmb) {
    const auto ormb = ParseOrmbConfig(config_json);
    if (!ormb.has_value()) return std::nullopt;
    return MetadataFile{.path = std::string(kOrmbFile), .content = WriteOrmbFile(FromOrmb(*ormb))};
  }
  if (Form(manifest) != oci::ModelForm::kKitOps) return std::nullopt;
  Json kitfile = ParseConfig(config_json);
  if (!kitfile.is_object()) return std::nullopt;
  return MetadataFile{.path = std::string(kKitfile), .content = WriteKitfile(kitfile)};
}

}  // namespace slipway::model
