// The media types that Slipway knows by name. Sources: OCI image-spec 1.1, Docker image manifest
// version 2 schema 2, CNCF ModelPack.
#pragma once

#include <string_view>

namespace slipway::oci {

inline constexpr std::string_view kImageManifestType = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kImageConfigType = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kImageIndexType = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kDockerManifestType =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerListType =
    "application/vnd.docker.distribution.manifest.list.v2+json";

// The descriptor of no content: `{}`, 2 bytes.
inline constexpr std::string_view kEmptyType = "application/vnd.oci.empty.v1+json";
inline constexpr std::string_view kOctetStreamType = "application/octet-stream";

inline constexpr std::string_view kModelArtifactType =
    "application/vnd.cncf.model.manifest.v1+json";
inline constexpr std::string_view kModelConfigType = "application/vnd.cncf.model.config.v1+json";
// Followed by KIND.v1.FORMAT, with KIND in {weight, weight.config, doc, code, dataset} and FORMAT
// in {raw, tar, tar+gzip, tar+zstd}.
inline constexpr std::string_view kModelLayerPrefix = "application/vnd.cncf.model.";
inline constexpr std::string_view kModelFilePath = "org.cncf.model.filepath";

// The four types above that are manifests.
constexpr bool IsManifestType(std::string_view type) {
  return type == kImageManifestType || type == kImageIndexType || type == kDockerManifestType ||
         type == kDockerListType;
}
constexpr bool IsIndexType(std::string_view type) {
  return type == kImageIndexType || type == kDockerListType;
}
// Content that may not be handed on, and may therefore be absent from a registry.
constexpr bool IsNonDistributableType(std::string_view type) {
  return type.starts_with("application/vnd.oci.image.layer.nondistributable.") ||
         type == "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
}

}  // namespace slipway::oci
