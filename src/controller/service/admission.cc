#include "controller/service/admission.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "controller/service/plan.h"
#include "registry/lookup.h"
#include "registry/projection.h"
#include "resource/kinds/model.h"
#include "resource/kinds/service.h"
#include "trust/access.h"

namespace slipway::controller {
namespace {

constexpr std::string_view kField = "spec.predictor.model";

Error FieldError(Code code, std::string_view reason, std::string_view problem) {
  return Error(code, reason, fmt::format("{}: {}", kField, problem))
      .With("field", std::string(kField));
}

Result<oci::Reference> ReferenceOf(const resource::ServiceSpec& spec) {
  auto reference = oci::Reference::Parse(spec.predictor.model);
  if (!reference.has_value()) {
    return FieldError(Code::kInvalidArgument, "REFERENCE_INVALID", reference.error().message());
  }
  if (!reference->host.empty()) {
    return FieldError(Code::kInvalidArgument, "MODEL_ELSEWHERE",
                      fmt::format("{} is on another registry; pull it from there and push it here",
                                  spec.predictor.model));
  }
  if (reference->tag.empty() && !reference->digest) {
    return FieldError(
        Code::kInvalidArgument, "MODEL_TAG_MISSING",
        fmt::format("{} names no version; write NAME:TAG or NAME@DIGEST", spec.predictor.model));
  }
  reference->repository = oci::CanonicalRepository(reference->repository);
  return *std::move(reference);
}

// What the old spec pinned; nothing if it cannot be read.
std::optional<oci::Reference> OldReference(const resource::Resource* old) {
  if (old == nullptr) return std::nullopt;
  auto spec = Decode<resource::ServiceSpec>(old->spec, "spec", UnknownFields::kIgnore);
  if (!spec.has_value()) return std::nullopt;
  auto reference = oci::Reference::Parse(spec->predictor.model);
  return reference.has_value() ? std::optional(*std::move(reference)) : std::nullopt;
}

// A service may use a model of another project if its author may read it there.
Result<void> CheckMayRead(const CallContext& context, std::string_view service_project,
                          const oci::Reference& model) {
  const std::string_view project = oci::ProjectOf(model.repository);
  if (project == service_project || trust::RoleIn(context.identity, project)) return {};
  return FieldError(Code::kPermissionDenied, "ROLE_MISSING",
                    fmt::format("{} is in project {}, where you have no role; ask for viewer there",
                                model.repository, project));
}

// The number that the controller will give to the revision which this change makes; 0 if it makes
// none.
int64_t NumberOfNext(const resource::Resource& now, const resource::Resource* old) {
  if (old == nullptr) return 1;
  if (old->spec.value("predictor", Json()) == now.spec.value("predictor", Json())) return 0;
  return old->status.value("latestRevision", int64_t{0}) + 1;
}

Result<void> CheckNamedRevisions(const resource::ResourceTransaction& transaction,
                                 const resource::Resource& now, const resource::Resource* old,
                                 const routing::TrafficSpec& traffic) {
  const int64_t next = NumberOfNext(now, old);
  const resource::Metadata& service = now.metadata;
  for (const int64_t number : routing::NamedRevisions(traffic)) {
    if (number == next) continue;
    TRY(found, transaction.Find({"Revision", service.project, RevisionName(service.name, number)}));
    const bool is_ours = found && old != nullptr && !found->metadata.owners.empty() &&
                         found->metadata.owners.front().uid == old->metadata.uid;
    if (is_ours) continue;
    const std::string field = "spec.traffic." + routing::PlaceOf(traffic, number);
    return InvalidArgument(
               "REVISION_UNKNOWN",
               fmt::format(
                   "{}: service {} has no revision {}; `slipway traffic show {}` shows those "
                   "it has",
                   field, service.name, number, service.name))
        .With("field", field);
  }
  return {};
}

// A decision by hand is about a revision that there was once, or is now, or is made by this change.
Result<void> CheckDecisions(const resource::Resource& now, const resource::Resource* old,
                            const resource::CanarySpec& canary) {
  const int64_t latest = old == nullptr ? 0 : old->status.value("latestRevision", int64_t{0});
  const int64_t newest = std::max(latest, NumberOfNext(now, old));
  for (const auto& [verb, number] :
       {std::pair{"promote", canary.promote}, std::pair{"abort", canary.abort}}) {
    if (number <= newest) continue;
    const std::string field = fmt::format("spec.canary.{}", verb);
    return InvalidArgument("REVISION_UNKNOWN",
                           fmt::format("{}: service {} has no revision {}; `slipway canary show "
                                       "{}` shows the one that is on its way",
                                       field, now.metadata.name, number, now.metadata.name))
        .With("field", field);
  }
  return {};
}

}  // namespace

Result<Digest> PinnedDigest(const store::Snapshot& snapshot, const oci::Reference& wanted,
                            const std::optional<oci::Reference>& old) {
  if (wanted.digest) return *wanted.digest;
  if (old && old->digest && old->repository == wanted.repository && old->tag == wanted.tag) {
    return *old->digest;
  }
  TRY(digest, registry::ResolveTag(snapshot, wanted.repository, wanted.tag));
  if (digest) return *digest;
  return FieldError(Code::kInvalidArgument, "MODEL_UNKNOWN",
                    fmt::format("there is no {}:{}; `slipway models` lists what has been pushed",
                                wanted.repository, wanted.tag));
}

Result<void> ServiceAdmission::operator()(resource::ResourceTransaction& transaction,
                                          resource::Resource& now,
                                          const resource::Resource* old) const {
  TRY(spec, Decode<resource::ServiceSpec>(now.spec, "spec"));
  TRY(reference, ReferenceOf(spec));
  TRY_VOID(CheckMayRead(transaction.context(), now.metadata.project, reference));
  TRY(digest,
      PinnedDigest(transaction.raw(), reference, spec.follow ? std::nullopt : OldReference(old)));
  TRY(version, transaction.Find(registry::ModelVersionKey(reference.repository, digest)));
  // What is left of a repository that was deleted is on its way out.
  TRY(exists, registry::RepositoryExists(transaction.raw(), reference.repository));
  if (!version || !exists) {
    return FieldError(
        Code::kInvalidArgument, "MODEL_UNKNOWN",
        fmt::format("{} has no model with the digest {}", reference.repository, digest.text()));
  }
  TRY(version_spec,
      Decode<resource::ModelVersionSpec>(version->spec, "spec", UnknownFields::kIgnore));
  if (std::ranges::find(formats_.deployable, version_spec.format) == formats_.deployable.end()) {
    return FieldError(
        Code::kFailedPrecondition, "FORMAT_NOT_DEPLOYABLE",
        fmt::format("{} is stored as {}, which no engine of this build runs; it can deploy: {}",
                    spec.predictor.model,
                    version_spec.format.empty() ? "an unknown format" : version_spec.format,
                    fmt::join(formats_.offered, ", ")));
  }
  reference.digest = digest;
  now.spec["predictor"]["model"] = reference.ToString();
  if (spec.canary) TRY_VOID(CheckDecisions(now, old, *spec.canary));
  if (spec.traffic) return CheckNamedRevisions(transaction, now, old, *spec.traffic);
  return {};
}

}  // namespace slipway::controller
