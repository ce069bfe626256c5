// The artifact types under which models are kept: ModelPack's, and those of other tools.
#pragma once

#include <string_view>

#include "oci/media_types.h"

namespace slipway::oci {

enum class ModelForm : uint8_t { kNone, kModelPack, kOrmb, kKitOps };

// ModelPack's names before it went to the CNCF.
inline constexpr std::string_view kOldModelArtifactType =
    "application/vnd.cnai.model.manifest.v1+json";
inline constexpr std::string_view kOldModelConfigType = "application/vnd.cnai.model.config.v1+json";
inline constexpr std::string_view kOldModelFilePath = "org.cnai.model.filepath";

inline constexpr std::string_view kOrmbConfigType =
    "application/vnd.caicloud.model.config.v1alpha1+json";
inline constexpr std::string_view kOrmbLayerType = "application/tar+gzip";

// KitOps' types begin with these; the second is the project's name of before.
inline constexpr std::string_view kKitOpsPrefix = "application/vnd.kitops.modelkit.";
inline constexpr std::string_view kOldKitOpsPrefix = "application/vnd.jozu.";

// The form of a manifest with this artifactType or, where it states none, config type.
constexpr ModelForm FormOf(std::string_view type) {
  if (type == kModelArtifactType || type == kModelConfigType || type == kOldModelArtifactType ||
      type == kOldModelConfigType) {
    return ModelForm::kModelPack;
  }
  if (type == kOrmbConfigType) return ModelForm::kOrmb;
  if (type == "application/vnd.kitops.modelkit.manifest.v1+json") return ModelForm::kKitOps;
  const bool is_kitops = type.starts_with(kKitOpsPrefix) || type.starts_with(kOldKitOpsPrefix);
  return is_kitops && type.ends_with("config.v1+json") ? ModelForm::kKitOps : ModelForm::kNone;
}

}  // namespace slipway::oci
