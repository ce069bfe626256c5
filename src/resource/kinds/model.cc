#include "resource/kinds/model.h"

#include <nlohmann/json.hpp>

#include "resource/kinds/model_search.h"
#include "resource/kinds/model_terms.h"

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

std::string TextAt(const Json& object, const char* member) {
  const auto found = object.is_object() ? object.find(member) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::vector<std::string> TermsOfVersion(const Resource& version) {
  std::vector<std::string> terms = {VersionTerm(TextAt(version.spec, "manifestDigest"))};
  const auto at = Json::json_pointer("/metadata/parents");
  if (!version.status.contains(at) || !version.status.at(at).is_array()) return terms;
  for (const Json& parent : version.status.at(at)) {
    const std::string said = PinnedParent(TextAt(parent, "reference"), TextAt(parent, "digest"));
    if (!said.empty()) terms.push_back(ChildTerm(said));
  }
  return terms;
}

}  // namespace

std::string VersionTerm(std::string_view manifest_digest) {
  return "is:" + std::string(manifest_digest);
}

std::string ChildTerm(std::string_view digest_or_reference) {
  return "from:" + std::string(digest_or_reference);
}

std::string PinnedParent(const std::string& reference, const std::string& digest) {
  if (!digest.empty()) return digest;
  const size_t at = reference.find('@');
  return at == std::string::npos ? reference : reference.substr(at + 1);
}

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
          .terms = &TermsOfVersion,
          .search = ModelVersionSearch()};
}

}  // namespace slipway::resource
