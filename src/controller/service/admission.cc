#include "controller/service/admission.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "controller/service/plan.h"
#include "oci/reference.h"
#include "registry/lookup.h"
#include "registry/projection.h"
#include "resource/kinds/model.h"
#include "resource/kinds/service.h"
#include "trust/access.h"

namespace slipway::controller {
namespace {

using resource::NamedPackage;

constexpr std::string_view kPythonFormat = "python";  // as model/ names a package with predictor.py

Error FieldError(const NamedPackage& package, Code code, std::string_view reason,
                 std::string_view problem) {
  const std::string field = "spec." + package.field;
  return Error(code, reason, fmt::format("{}: {}", field, problem)).With("field", field);
}

Result<oci::Reference> ReferenceOf(const NamedPackage& package) {
  auto reference = oci::Reference::Parse(*package.reference);
  if (!reference.has_value()) {
    return FieldError(package, Code::kInvalidArgument, "REFERENCE_INVALID",
                      reference.error().message());
  }
  if (!reference->host.empty()) {
    return FieldError(package, Code::kInvalidArgument, "MODEL_ELSEWHERE",
                      fmt::format("{} is on another registry; pull it from there and push it here",
                                  *package.reference));
  }
  if (reference->tag.empty() && !reference->digest) {
    return FieldError(
        package, Code::kInvalidArgument, "MODEL_TAG_MISSING",
        fmt::format("{} names no version; write NAME:TAG or NAME@DIGEST", *package.reference));
  }
  reference->repository = oci::CanonicalRepository(reference->repository);
  return *std::move(reference);
}

// What the old spec pinned, as far as it can be read.
std::vector<oci::Reference> OldReferences(const resource::Resource* old) {
  std::vector<oci::Reference> references;
  if (old == nullptr) return references;
  auto spec = Decode<resource::ServiceSpec>(old->spec, "spec", UnknownFields::kIgnore);
  if (!spec.has_value()) return references;
  for (const NamedPackage& package : PackagesOf(spec->predictor)) {
    auto reference = oci::Reference::Parse(*package.reference);
    if (reference.has_value()) references.push_back(*std::move(reference));
  }
  return references;
}

// A service may use a model of another project if its author may read it there.
Result<void> CheckMayRead(const CallContext& context, std::string_view service_project,
                          const NamedPackage& package, const oci::Reference& model) {
  const std::string_view project = oci::ProjectOf(model.repository);
  if (project == service_project || trust::RoleIn(context.identity, project)) return {};
  return FieldError(package, Code::kPermissionDenied, "ROLE_MISSING",
                    fmt::format("{} is in project {}, where you have no role; ask for viewer there",
                                model.repository, project));
}

// The digest that a reference in a Service means: its own, the old one of the same tag, or the
// tag's.
Result<Digest> PinnedDigest(const store::Snapshot& snapshot, const NamedPackage& package,
                            const oci::Reference& wanted, const std::vector<oci::Reference>& old) {
  if (wanted.digest) return *wanted.digest;
  for (const oci::Reference& before : old) {
    if (before.digest && before.repository == wanted.repository && before.tag == wanted.tag) {
      return *before.digest;
    }
  }
  TRY(digest, registry::ResolveTag(snapshot, wanted.repository, wanted.tag));
  if (digest) return *digest;
  return FieldError(package, Code::kInvalidArgument, "MODEL_UNKNOWN",
                    fmt::format("there is no {}:{}; `slipway models` lists what has been pushed",
                                wanted.repository, wanted.tag));
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

// What is stored under this digest.
Result<resource::ModelVersionSpec> StoredPackage(resource::ResourceTransaction& transaction,
                                                 const NamedPackage& package,
                                                 const oci::Reference& reference) {
  const Digest& digest = *reference.digest;
  TRY(version, transaction.Find(registry::ModelVersionKey(reference.repository, digest)));
  // What is left of a repository that was deleted is on its way out.
  TRY(exists, registry::RepositoryExists(transaction.raw(), reference.repository));
  if (!version || !exists) {
    return FieldError(
        package, Code::kInvalidArgument, "MODEL_UNKNOWN",
        fmt::format("{} has no model with the digest {}", reference.repository, digest.text()));
  }
  return Decode<resource::ModelVersionSpec>(version->spec, "spec", UnknownFields::kIgnore);
}

// An engine must run the model, or the program's package be one. What a program is given is its
// own affair.
Result<void> CheckFormat(const NamedPackage& package, const resource::ModelSettings& settings,
                         const ServiceAdmission::Formats& formats, const std::string& format) {
  const std::string stored = format.empty() ? "an unknown format" : format;
  if (package.role == NamedPackage::Role::kProgram) {
    if (settings.program->python.empty() || format == kPythonFormat) return {};
    return FieldError(package, Code::kFailedPrecondition, "PROGRAM_INVALID",
                      fmt::format("{} is stored as {}: a Python program is a package with a file "
                                  "predictor.py",
                                  *package.reference, stored));
  }
  if (settings.program) return {};
  if (std::ranges::find(formats.deployable, format) != formats.deployable.end()) return {};
  return FieldError(
      package, Code::kFailedPrecondition, "FORMAT_NOT_DEPLOYABLE",
      fmt::format("{} is stored as {}, which no engine of this build runs; it can deploy: {}",
                  *package.reference, stored, fmt::join(formats.offered, ", ")));
}

}  // namespace

Result<void> ServiceAdmission::operator()(resource::ResourceTransaction& transaction,
                                          resource::Resource& now,
                                          const resource::Resource* old) const {
  TRY(spec, Decode<resource::ServiceSpec>(now.spec, "spec"));
  const std::vector<oci::Reference> before =
      spec.follow ? std::vector<oci::Reference>() : OldReferences(old);
  for (const NamedPackage& package : PackagesOf(spec.predictor)) {
    TRY(reference, ReferenceOf(package));
    TRY_VOID(CheckMayRead(transaction.context(), now.metadata.project, package, reference));
    TRY(digest, PinnedDigest(transaction.raw(), package, reference, before));
    reference.digest = digest;
    TRY(stored, StoredPackage(transaction, package, reference));
    TRY_VOID(CheckFormat(package, spec.predictor, formats_, stored.format));
    *package.reference = reference.ToString();
  }
  now.spec["predictor"] = Encode(spec.predictor);
  if (spec.canary) TRY_VOID(CheckDecisions(now, old, *spec.canary));
  if (spec.traffic) return CheckNamedRevisions(transaction, now, old, *spec.traffic);
  return {};
}

}  // namespace slipway::controller
