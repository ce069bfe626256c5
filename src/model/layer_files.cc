#include "model/layer_files.h"

#include <set>

#include <fmt/format.h>

#include "model/inspect.h"
#include "model/limits.h"
#include "model/path.h"
#include "oci/media_types.h"

namespace slipway::model {
namespace {

bool IsArchive(std::string_view media_type) {
  return media_type.ends_with(".tar") || media_type.ends_with(".tar+gzip") ||
         media_type.ends_with(".tar+zstd") || media_type.ends_with(".tar.gzip");
}

// Neither a path twice nor a file where another path has a folder.
Result<void> CheckDistinct(const std::string& path, const std::set<std::string>& before) {
  auto next = before.lower_bound(path);
  const bool same = next != before.end() && *next == path;
  auto inside = before.lower_bound(path + "/");
  bool clash = same || (inside != before.end() && inside->starts_with(path + "/"));
  for (size_t slash = path.find('/'); slash != std::string::npos && !clash;
       slash = path.find('/', slash + 1)) {
    clash = before.contains(path.substr(0, slash));
  }
  if (!clash) return {};
  return InvalidArgument("PATH_INVALID",
                         fmt::format("{}: two layers of the manifest claim this path", path));
}

}  // namespace

Result<std::vector<LayerFile>> LayerFiles(const oci::Manifest& manifest) {
  std::vector<LayerFile> files;
  std::set<std::string> paths;
  if (manifest.layers.size() > kMaxPackageFiles) {
    return InvalidArgument("PACKAGE_TOO_MANY_FILES",
                           fmt::format("the manifest has {} layers, at most {} are taken",
                                       manifest.layers.size(), kMaxPackageFiles));
  }
  for (const oci::Descriptor& layer : manifest.layers) {
    if (IsArchive(layer.media_type)) {
      return Unimplemented("LAYER_UNSUPPORTED",
                           fmt::format("layer {} is an archive ({}); only raw layers are taken",
                                       layer.digest.text(), layer.media_type));
    }
    const std::string stated = LayerPath(layer);
    if (stated.empty()) {
      return InvalidArgument("PATH_INVALID", fmt::format("layer {} has no annotation {}",
                                                         layer.digest.text(), oci::kModelFilePath));
    }
    TRY(path, NormalizePath(stated));
    TRY_VOID(CheckDistinct(path, paths));
    paths.insert(path);
    files.push_back({std::move(path), layer});
  }
  return files;
}

}  // namespace slipway::model
