#include "registry/projection.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "oci/media_types.h"
#include "oci/model_types.h"
#include "oci/reference.h"
#include "registry/limits.h"
#include "registry/lookup.h"
#include "resource/kinds/model.h"

namespace slipway::registry {
namespace {

constexpr size_t kMaxModelNameBytes = 46;
constexpr size_t kVersionDigits = 16;
constexpr std::string_view kModelLabel = "model";

std::string ModelName(std::string_view path) {
  std::string readable(path);
  std::ranges::replace(readable, '/', '.');
  if (readable == path && readable.size() <= kMaxModelNameBytes) return readable;
  readable.resize(std::min(readable.size(), kMaxModelNameBytes - 9));
  while (!readable.empty() && !std::isalnum(static_cast<unsigned char>(readable.back()))) {
    readable.pop_back();
  }
  return readable + "-" + std::string(Digest::Of(path).hex().substr(0, 8));
}

resource::ModelVersionSpec SpecOf(const std::string& repository, const Digest& digest,
                                  const ManifestRow& row, const oci::Manifest& manifest) {
  resource::ModelVersionSpec spec;
  spec.repository = repository;
  spec.manifest_digest = digest.text();
  spec.artifact_type = row.artifact_type;
  size_t text_bytes = 0;
  for (const oci::Descriptor& layer : manifest.layers) {
    spec.size_bytes += static_cast<int64_t>(layer.size_bytes);
    const std::string_view path = layer.annotation(oci::kModelFilePath);
    text_bytes += path.size() + layer.digest.text().size() + layer.media_type.size();
    if (spec.files.size() == kMaxProjectedFiles || text_bytes > kMaxProjectedFileBytes) continue;
    spec.files.push_back({.path = std::string(path),
                          .digest = layer.digest.text(),
                          .size_bytes = static_cast<int64_t>(layer.size_bytes),
                          .media_type = layer.media_type});
  }
  return spec;
}

}  // namespace

bool IsModelType(std::string_view artifact_type) {
  return oci::FormOf(artifact_type) != oci::ModelForm::kNone;
}

resource::Key ModelKey(std::string_view repository) {
  const std::string canonical = oci::CanonicalRepository(repository);
  const std::string_view project = oci::ProjectOf(canonical);
  return {.kind = "Model",
          .project = std::string(project),
          .name = ModelName(std::string_view(canonical).substr(project.size() + 1))};
}

resource::Key ModelVersionKey(std::string_view repository, const Digest& manifest_digest) {
  resource::Key key = ModelKey(repository);
  key.kind = "ModelVersion";
  key.name.append("-").append(manifest_digest.hex().substr(0, kVersionDigits));
  return key;
}

Result<void> Hold(resource::ResourceTransaction& resources, const resource::Resource& held) {
  std::vector<std::string> finalizers = held.metadata.finalizers;
  const bool is_held = std::ranges::find(finalizers, kRemovalFinalizer) != finalizers.end();
  if (is_held || held.metadata.deleted_at) return {};
  finalizers.emplace_back(kRemovalFinalizer);
  TRY_VOID(resources.SetFinalizers(KeyOf(held), std::move(finalizers)));
  return {};
}

Result<void> LetGo(resource::ResourceTransaction& resources, const resource::Key& key) {
  TRY(held, resources.Find(key));
  if (!held || std::erase(held->metadata.finalizers, kRemovalFinalizer) == 0) return {};
  TRY_VOID(resources.SetFinalizers(key, std::move(held->metadata.finalizers)));
  return {};
}

Result<resource::Resource> Projection::EnsureModel(const std::string& repository) {
  const resource::Key key = ModelKey(repository);
  TRY(found, resources_.Find(key));
  if (!found) {
    resource::Resource model{.kind = "Model"};
    model.metadata.project = key.project;
    model.metadata.name = key.name;
    model.spec = Encode(resource::ModelSpec{.repository = repository, .description = ""});
    return resources_.Create(std::move(model));
  }
  if (found->spec.value("repository", std::string()) == repository) return std::move(*found);
  return FailedPrecondition("NAME_INVALID", "the repository " + repository +
                                                " would be shown as model " + key.name +
                                                ", which is the repository " +
                                                found->spec.value("repository", std::string()) +
                                                "; choose another name.");
}

Result<void> Projection::CheckFacts(const std::string& repository,
                                    const std::optional<PreparedFacts>& facts) const {
  bool is_stale = !facts.has_value();
  for (size_t i = 0; !is_stale && i < facts->missing.size(); ++i) {
    TRY(row, FindBlob(resources_.raw(), repository, facts->missing[i]));
    is_stale = row.has_value();
  }
  if (!is_stale) return {};
  return Error(Code::kAborted, kFactsStale,
               "the repository " + repository +
                   " changed while the manifest was being pushed: push it again.");
}

Result<void> Projection::AddVersion(const std::string& repository, const Digest& digest,
                                    const ManifestRow& row, const oci::Manifest& manifest,
                                    const std::optional<PreparedFacts>& facts) {
  if (!IsModelType(row.artifact_type)) return {};
  TRY(model, EnsureModel(repository));
  const resource::Key key = ModelVersionKey(repository, digest);
  TRY(found, resources_.Find(key));
  if (found) {
    if (found->spec.value("manifestDigest", std::string()) == digest.text()) return {};
    return FailedPrecondition(
        "MANIFEST_INVALID",
        "another manifest of this repository begins with the same digits: " + digest.text() + ".");
  }
  TRY_VOID(CheckFacts(repository, facts));
  resource::ModelVersionSpec spec = SpecOf(repository, digest, row, manifest);
  spec.format = facts->facts.format;
  resource::Resource version{.kind = "ModelVersion"};
  version.metadata.project = key.project;
  version.metadata.name = key.name;
  version.metadata.labels.emplace(kModelLabel, model.metadata.name);
  version.metadata.owners.push_back(
      {.kind = "Model", .name = model.metadata.name, .uid = model.metadata.uid});
  version.spec = Encode(spec);
  // Without a phase: the files themselves are looked at later.
  resource::ModelVersionStatus status;
  status.inputs = facts->facts.inputs;
  status.outputs = facts->facts.outputs;
  status.metadata = facts->facts.metadata;
  version.status = Encode(status);
  TRY_VOID(resources_.Create(std::move(version)));
  ++versions_added_;
  return {};
}

Result<void> Projection::RemoveVersion(const std::string& repository, const Digest& digest) {
  TRY(was_there, ForgetVersion(repository, digest));
  if (was_there) --versions_added_;
  return {};
}

Result<std::optional<resource::Resource>> Projection::FindModel(
    const std::string& repository) const {
  TRY(model, resources_.Find(ModelKey(repository)));
  if (model && model->spec.value("repository", std::string()) != repository) model.reset();
  return model;
}

Result<void> Projection::RemoveModel(const std::string& repository) {
  TRY(model, FindModel(repository));
  return model ? resources_.Delete(KeyOf(*model)) : Result<void>();
}

Result<void> Projection::BeginRemoval(const std::string& repository) {
  TRY(model, FindModel(repository));
  if (!model) return {};
  TRY_VOID(Hold(resources_, *model));
  return resources_.Delete(KeyOf(*model));
}

Result<bool> Projection::ForgetVersion(const std::string& repository, const Digest& digest) {
  const resource::Key key = ModelVersionKey(repository, digest);
  TRY(found, resources_.Find(key));
  if (!found || found->spec.value("manifestDigest", std::string()) != digest.text()) return false;
  TRY_VOID(resources_.Delete(key));
  return true;
}

Result<void> Projection::EndRemoval(const std::string& repository) {
  TRY(model, FindModel(repository));
  return model ? LetGo(resources_, KeyOf(*model)) : Result<void>();
}

Result<void> Projection::Finish(const std::string& repository) {
  const int64_t added = std::exchange(versions_added_, 0);
  const bool tags_moved = std::exchange(tags_moved_, false);
  if (added == 0 && !tags_moved) return {};
  TRY(model, FindModel(repository));
  if (!model) return {};
  Json status = std::move(model->status);
  const int64_t versions = std::max<int64_t>(0, status.value("versions", int64_t{0}) + added);
  if (added < 0 && versions == 0) return resources_.Delete(KeyOf(*model));
  status["versions"] = versions;
  if (tags_moved) status["tagMoves"] = status.value("tagMoves", int64_t{0}) + 1;
  // Older programs kept them here.
  status.erase("tags");
  TRY_VOID(resources_.UpdateStatus(KeyOf(*model), std::move(status)));
  return {};
}

}  // namespace slipway::registry
