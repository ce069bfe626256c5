// KitOps: the config of a ModelKit is its Kitfile as JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/metadata/metadata.h"
#include "oci/manifest.h"

namespace slipway::model {

inline constexpr std::string_view kKitfile = "Kitfile";
// A ModelPack that KitOps wrote carries its Kitfile in this annotation of the manifest.
inline constexpr std::string_view kKitfileAnnotation = "ml.kitops.modelkit.kitfile";

// Lenient. The whole Kitfile is kept in extensions["kitops"].
Metadata FromKitfile(const Json& kitfile);

// The YAML that `kit unpack` writes: without the digests of layers.
std::string WriteKitfile(const Json& kitfile);

// The folder of the package that the paths in each layer's archive begin in, "" or "a/b/", by the
// layer's place in the manifest. Kitfiles that name the digests of layers (since KitOps 1.0) have
// whole paths in the archives; older ones mean the folder of the path that the Kitfile states.
// INVALID_ARGUMENT / PATH_INVALID for a path that leads out of the package.
Result<std::vector<std::string>> KitLayerFolders(const oci::Manifest& manifest,
                                                 const Json& kitfile);

}  // namespace slipway::model
