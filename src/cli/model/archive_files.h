// The files in the archives of a package, so that they are compared one by one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/json.h"
#include "base/result.h"
#include "model/layer_files.h"
#include "oci/manifest.h"

namespace slipway::cli {

struct PackageArchives {
  std::vector<model::LayerFile> layers;
  std::string folder;  // that its form puts all files in ("model/"); not of the model itself
  // The content, wherever it is; it may have to be loaded.
  std::function<Result<std::unique_ptr<File>>(const oci::Descriptor&)> open;
};

// The archives among the layers. A manifest whose paths will not do has none that can be read.
PackageArchives ArchivesOf(const oci::Manifest& manifest, const std::string& config);

// What stands for an archive among the files until it is read.
std::string ArchiveRow(const oci::Descriptor& layer);

// Puts the files that are in archives, with path, digest and size, in the places of their rows in
// `files`; rows that `other` has, too, stay: what is in them is the same.
Result<void> ExpandArchives(const PackageArchives& archives, const Json& other, Json& files);

}  // namespace slipway::cli
