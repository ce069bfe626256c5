// Manifests: limits are kept, descriptors are written and read back as they were, and no path
// leaves the folder of a package.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "model/inspect.h"
#include "model/layer_files.h"
#include "model/path.h"
#include "oci/limits.h"
#include "oci/manifest.h"
#include "oci/media_types.h"

using slipway::oci::Descriptor;
using slipway::oci::Manifest;

namespace {

void CheckDescriptor(const Descriptor& descriptor) {
  CHECK(slipway::oci::IsMediaType(descriptor.media_type));
  const auto again = slipway::oci::ParseDescriptor(slipway::oci::ToJson(descriptor), "again");
  CHECK(again.has_value());
  CHECK(again->digest == descriptor.digest && again->size_bytes == descriptor.size_bytes &&
        again->annotations == descriptor.annotations);
}

void CheckFiles(const Manifest& manifest) {
  constexpr std::string_view kKitfile =
      R"({"model":{"path":"weights/"},"datasets":[{"path":"data"},{"path":"more/data"}]})";
  slipway::model::EntryNames names;
  const auto files = slipway::model::LayerFiles(manifest, kKitfile, names);
  if (files.has_value()) {
    for (const auto& file : *files) {
      if (!file.archive) CHECK(slipway::model::CheckPath(file.path).has_value());
    }
  }
  static_cast<void>(
      slipway::model::FormatOfManifest(manifest, "{\"config\":{\"format\":\"onnx\"}}"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // A type beside the bytes that is none of those that are known by name.
  static_cast<void>(slipway::oci::ParseManifest(text, "application/vnd.example+json"));
  const auto manifest = slipway::oci::ParseManifest(text);
  if (!manifest.has_value()) {
    CHECK(manifest.error().reason() == "MANIFEST_INVALID");
    return 0;
  }
  CHECK(manifest->media_type.find_first_of("\r\n ;,") == std::string::npos);
  CHECK(manifest->layers.size() <= 2 * slipway::oci::kMaxDescriptors);
  if (slipway::oci::IsManifestType(manifest->media_type)) {
    CHECK(manifest->is_index() != manifest->config.has_value());
  }
  if (manifest->config) CheckDescriptor(*manifest->config);
  for (const Descriptor& layer : manifest->layers) CheckDescriptor(layer);
  for (const Descriptor& child : manifest->children) CheckDescriptor(child);
  CheckFiles(*manifest);
  return 0;
}
