#include "resource/kinds/service.h"

#include <algorithm>

#include "base/format_check.h"
#include "resource/kinds/project.h"

namespace slipway::resource {
namespace {

// `/v2/models/stats` is a route of the inference protocol.
constexpr std::string_view kReservedName = "stats";

Result<void> ValidateService(const Resource& now, const Resource*) {
  TRY(spec, Decode<ServiceSpec>(now.spec, "spec", UnknownFields::kIgnore));
  TRY_VOID(ParseRequestTimeout(spec));
  TRY_VOID(CheckPredictor(spec.predictor, "spec.predictor"));
  if (spec.traffic) TRY_VOID(routing::CheckTraffic(*spec.traffic, "spec.traffic"));
  if (spec.scaling) TRY_VOID(CheckScaling(*spec.scaling, "spec.scaling"));
  if (spec.canary) {
    TRY_VOID(CheckCanary(*spec.canary, "spec.canary"));
    if (spec.traffic && !spec.traffic->split.empty()) {
      return InvalidArgument("FIELD_RANGE",
                             "spec.traffic.split: the shares are the canary's to give; leave out "
                             "the split, or spec.canary")
          .With("field", "spec.traffic.split");
    }
  }
  if (now.metadata.name != kReservedName) return {};
  return InvalidArgument("FIELD_FORMAT",
                         "metadata.name: stats is a route of the inference protocol; take another")
      .With("field", "metadata.name");
}

std::vector<std::string> TermsOfRevision(const Resource& revision) {
  std::vector<std::string> terms;
  const auto add = [&terms](const Json& package) {
    terms.push_back(UseTerm(package.value("manifestDigest", std::string())));
  };
  add(revision.spec);
  const auto mounts = revision.spec.find("mounts");
  if (mounts != revision.spec.end()) std::ranges::for_each(*mounts, add);
  const auto program = revision.spec.find("program");
  if (program != revision.spec.end()) add(*program);
  return terms;
}

}  // namespace

std::vector<RevisionPackage> PackagesOf(const RevisionSpec& revision) {
  std::vector<RevisionPackage> all = {{"", revision.repository, revision.manifest_digest}};
  const auto add = [&all](const RevisionPackage& package) {
    const bool is_there = std::ranges::any_of(all, [&package](const RevisionPackage& other) {
      return other.repository == package.repository &&
             other.manifest_digest == package.manifest_digest;
    });
    if (!is_there) all.push_back(package);
  };
  for (const RevisionPackage& mount : revision.mounts) add(mount);
  if (revision.program) add(*revision.program);
  return all;
}

std::string UseTerm(std::string_view manifest_digest) {
  return "uses:" + std::string(manifest_digest);
}

Result<std::chrono::milliseconds> ParseRequestTimeout(const ServiceSpec& spec) {
  const auto timeout = ParseDuration(spec.timeout);
  if (!timeout) return timeout.error().Prefixed("spec.timeout: ").With("field", "spec.timeout");
  if (*timeout >= kShortestRequestTimeout && *timeout <= kLongestRequestTimeout) return *timeout;
  return InvalidArgument("FIELD_RANGE", "spec.timeout: 1ms to 1h, got " + Quoted(spec.timeout))
      .With("field", "spec.timeout");
}

std::optional<routing::TrafficSpec> TrafficOf(const ServiceSpec& spec,
                                              const ServiceStatus& status) {
  if (!spec.canary) return spec.traffic;
  return CanaryTraffic(spec.traffic, status.canary, status.ready_revision);
}

Result<void> CheckAccessAllowed(std::optional<InferenceAccess> access, const Resource& project) {
  if (access != InferenceAccess::kAnonymous) return {};
  TRY(spec, Decode<ProjectSpec>(project.spec, "spec", UnknownFields::kIgnore));
  if (spec.allow_anonymous) return {};
  return FailedPrecondition("ANONYMOUS_FORBIDDEN",
                            "spec.access: the project " + project.metadata.name +
                                " forbids anonymous services: set it to token, or leave it out")
      .With("field", "spec.access");
}

KindInfo ServiceKind() {
  return {.kind = "Service",
          .plural = "services",
          .singular = "service",
          .spec = &TypeOf<ServiceSpec>(),
          .status = &TypeOf<ServiceStatus>(),
          .text = Description<ServiceSpec>::kText,
          .validate = &ValidateService};
}

KindInfo RevisionKind() {
  return {.kind = "Revision",
          .plural = "revisions",
          .singular = "revision",
          .user_writable = false,
          .user_deletable = false,
          .spec_immutable = true,
          .spec = &TypeOf<RevisionSpec>(),
          .status = &TypeOf<RevisionStatus>(),
          .text = Description<RevisionSpec>::kText,
          .terms = &TermsOfRevision};
}

}  // namespace slipway::resource
