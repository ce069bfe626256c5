#include "resource/kinds/model.h"

#include "resource/kinds/model_search.h"

namespace slipway::resource {
namespace {

// The content of a version is its manifest, so nothing of it can change but what was read out of it
// by a newer program.
Result<void> ValidateVersion(const Resource& now, const Resource* old) {
  if (old == nullptr) return {};
  TRY(after, Decode<ModelVersionSpec>(now.spec, "spec"));
  TRY(before, Decode<ModelVersionSpec>(old->spec, "spec", UnknownFields::kIgnore));
  if (after.manifest_digest == before.manifest_digest && after.repository == before.repository) {
    return {};
  }
  return FailedPrecondition("IMMUTABLE",
                            "spec.manifestDigest: a model version stays what it is; push another")
      .With("field", "spec.manifestDigest");
}

}  // namespace

KindInfo ModelKind() {
  return {.kind = "Model",
          .plural = "models",
          .singular = "model",
          .user_writable = false,
          .spec = &TypeOf<ModelSpec>(),
          .status = &TypeOf<ModelStatus>(),
          .text = Description<ModelSpec>::kText};
}

KindInfo ModelVersionKind() {
  return {.kind = "ModelVersion",
          .plural = "modelversions",
          .singular = "modelversion",
          .user_writable = false,
          .spec = &TypeOf<ModelVersionSpec>(),
          .status = &TypeOf<ModelVersionStatus>(),
          .text = Description<ModelVersionSpec>::kText,
          .validate = &ValidateVersion,
          .search = ModelVersionSearch()};
}

}  // namespace slipway::resource
