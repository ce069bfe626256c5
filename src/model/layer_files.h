// The files that a manifest's layers are.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "oci/descriptor.h"
#include "oci/manifest.h"

namespace slipway::model {

struct LayerFile {
  std::string path;
  oci::Descriptor layer;
};

// With paths that are safe and distinct. INVALID_ARGUMENT / PATH_INVALID, PACKAGE_TOO_MANY_FILES;
// UNIMPLEMENTED / LAYER_UNSUPPORTED for archives.
Result<std::vector<LayerFile>> LayerFiles(const oci::Manifest& manifest);

}  // namespace slipway::model
