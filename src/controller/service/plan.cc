#include "controller/service/plan.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "controller/service/canary.h"
#include "controller/service/traffic_status.h"
#include "oci/reference.h"
#include "runtime/site_state.h"

namespace slipway::controller {
namespace {

using resource::RevisionSpec;
using resource::ServiceStatus;

// What a tag said when the latest revision was made; nothing if that does not have it.
std::optional<Digest> LastSaid(const Revision* latest, const oci::Reference& wanted) {
  if (latest == nullptr) return std::nullopt;
  resource::ModelSettings settings = latest->spec.predictor;
  for (const resource::NamedPackage& package : PackagesOf(settings)) {
    const auto last = oci::Reference::Parse(*package.reference);
    if (!last.has_value() || last->repository != wanted.repository) continue;
    if (last->tag == wanted.tag && last->digest) return last->digest;
  }
  return std::nullopt;
}

// The package with its digest. `latest` may be null.
Result<oci::Reference> PinnedPackage(const Service& service, const Revision* latest,
                                     const FollowedTags& followed,
                                     const resource::NamedPackage& package) {
  TRY(reference, oci::Reference::Parse(*package.reference));
  if (service.spec.follow && !reference.tag.empty()) {
    const auto tag = followed.find(reference.repository + ":" + reference.tag);
    if (tag != followed.end()) {
      reference.digest = tag->second;
    } else if (const auto last = LastSaid(latest, reference)) {
      // Its tag is gone: it stays with what that said last.
      reference.digest = last;
    }
  }
  if (reference.digest) return reference;
  return Internal("MODEL_NOT_PINNED", fmt::format("service {} names {} without a digest",
                                                  service.metadata.name, *package.reference));
}

// The settings of the revision that the service asks for, and where its packages lie. `latest` may
// be null.
Result<RevisionSpec> WantedRevision(const Service& service, const Revision* latest,
                                    const FollowedTags& followed) {
  RevisionSpec wanted{.service = service.metadata.name, .predictor = service.spec.predictor};
  for (const resource::NamedPackage& package : PackagesOf(wanted.predictor)) {
    TRY(reference, PinnedPackage(service, latest, followed, package));
    *package.reference = reference.ToString();
    resource::RevisionPackage found{.mount_as = package.mount_as,
                                    .repository = reference.repository,
                                    .manifest_digest = reference.digest->text()};
    if (wanted.repository.empty()) {
      wanted.repository = found.repository;
      wanted.manifest_digest = found.manifest_digest;
    }
    if (package.role == resource::NamedPackage::Role::kProgram) {
      wanted.program = std::move(found);
    } else if (wanted.predictor.program) {
      wanted.mounts.push_back(std::move(found));
    }
  }
  return wanted;
}

// The revision that has the traffic: the newest that is ready, or the one that had it before and is
// only being loaded again.
int64_t ReadyRevision(const std::vector<Revision>& revisions, int64_t before) {
  int64_t ready = 0;
  bool before_may_return = false;
  for (const Revision& revision : revisions) {
    const std::string& phase = revision.status.phase;
    if (phase == runtime::kPhaseReady) ready = std::max(ready, revision.spec.number);
    if (revision.spec.number == before) {
      before_may_return = phase != runtime::kPhaseFailed && phase != runtime::kPhaseRetired;
    }
  }
  return ready == 0 && before_may_return ? before : ready;
}

std::string_view PhaseOf(const Revision* latest, int64_t ready,
                         const std::optional<resource::CanaryStatus>& canary) {
  if (canary && canary->phase == resource::kCanaryRolledBack) return "Degraded";
  if (canary && resource::IsOnTrial(*canary)) return "Progressing";
  if (latest == nullptr) return ready > 0 ? "Progressing" : "Pending";
  if (latest->status.phase == runtime::kPhaseReady) return "Ready";
  if (latest->status.phase == runtime::kPhaseUnknown) return runtime::kPhaseUnknown;
  if (latest->status.phase == runtime::kPhaseFailed) return ready > 0 ? "Degraded" : "Failed";
  return ready > 0 ? "Progressing" : "Pending";
}

const resource::Condition* ReadyCondition(const Revision& revision) {
  for (const resource::Condition& condition : revision.status.conditions) {
    if (condition.type == "Ready") return &condition;
  }
  return nullptr;
}

// What is to be said of the revision that has the traffic while another one is the latest.
std::string ServingText(const std::vector<Revision>& revisions, int64_t ready) {
  for (const Revision& revision : revisions) {
    if (revision.spec.number != ready) continue;
    if (revision.status.phase == runtime::kPhaseReady) {
      return fmt::format("; revision {} still answers", ready);
    }
    if (revision.status.phase == runtime::kPhaseUnknown) {
      return fmt::format("; revision {} does not answer", ready);
    }
  }
  return "";
}

// The service's own condition: true only if what was asked for last is what answers, or could:
// where the traffic gives it nothing it says so.
resource::Condition ConditionOf(const Service& service, const Revision* latest,
                                int64_t latest_number, const std::string& serving) {
  resource::Condition condition{
      .type = "Ready", .status = "False", .reason = "", .message = "", .changed_at = ""};
  const std::optional<resource::CanaryStatus>& canary = service.status.canary;
  if (service.spec.canary && canary && canary->phase == resource::kCanaryRolledBack) {
    condition.reason = canary->reason;
    condition.message = canary->message;
  } else if (latest != nullptr && latest->status.phase == runtime::kPhaseUnknown) {
    const resource::Condition* cause = ReadyCondition(*latest);
    condition.status = "Unknown";
    condition.reason = cause != nullptr ? cause->reason : "NOT_ANSWERING";
    condition.message =
        fmt::format("revision {} does not answer{}{}", latest_number, cause != nullptr ? ": " : "",
                    cause != nullptr ? cause->message : "");
  } else if (latest != nullptr && latest->status.phase == runtime::kPhaseReady) {
    condition.status = "True";
    condition.reason = "REVISION_READY";
    // A revision that answers has something to say where its warm-up failed.
    const resource::Condition* own = ReadyCondition(*latest);
    const std::string remark = own != nullptr ? own->message : "";
    const bool answers = !service.spec.traffic || HasShare(*service.spec.traffic, latest_number);
    const std::string_view giver = service.spec.canary ? "its canary" : "spec.traffic.split";
    condition.message =
        fmt::format("revision {} {}{}{}", latest_number,
                    answers ? "answers" : fmt::format("is ready, and {} gives it nothing", giver),
                    remark.empty() ? "" : "; ", remark);
  } else if (latest != nullptr && latest->status.phase == runtime::kPhaseFailed) {
    const resource::Condition* cause = ReadyCondition(*latest);
    condition.reason =
        cause != nullptr && !cause->reason.empty() ? cause->reason : "REVISION_FAILED";
    condition.message =
        fmt::format("revision {} failed: {}{}", latest_number,
                    cause != nullptr ? cause->message : "no reason was given", serving);
  } else {
    // What went wrong may come right: until then the service says what its revision waits for.
    const resource::Condition* cause = latest != nullptr ? ReadyCondition(*latest) : nullptr;
    const bool waits = cause != nullptr && !cause->message.empty();
    condition.reason = waits ? cause->reason : "REVISION_LOADING";
    condition.message = fmt::format("revision {} is not ready yet{}{}{}", latest_number,
                                    waits ? ": " : "", waits ? cause->message : "", serving);
  }
  return condition;
}

// Which revisions stay whatever becomes of the others: those that the traffic names.
std::set<int64_t> NamedBy(const Service& service) {
  return service.spec.traffic ? routing::NamedRevisions(*service.spec.traffic)
                              : std::set<int64_t>();
}

bool IsRolledBack(const std::optional<resource::CanaryStatus>& canary) {
  return canary && canary->phase == resource::kCanaryRolledBack;
}

// `used`: what is in use besides the latest.
void PlanRevisions(const std::vector<Revision>& revisions, int64_t latest,
                   const std::set<int64_t>& used, const std::set<int64_t>& named,
                   ServicePlan& plan) {
  for (const Revision& revision : revisions) {
    const std::string& phase = revision.status.phase;
    const int64_t number = revision.spec.number;
    const std::string& name = revision.metadata.name;
    const bool is_used = used.contains(number) || named.contains(number);
    if (named.contains(number) && phase == runtime::kPhaseRetired) plan.revive.push_back(name);
    if (is_used || number >= latest) continue;
    if (phase != runtime::kPhaseFailed && phase != runtime::kPhaseRetired) {
      plan.retire.push_back(name);
    }
    if (number <= latest - static_cast<int64_t>(kKeptRevisions)) plan.remove.push_back(name);
  }
}

// Which revision has the traffic by the word of the canary, and what becomes of the newest: one
// that was rolled back goes from memory, one that may try again comes back.
int64_t AdoptCanary(const resource::CanaryStatus& canary, const Revision* latest, int64_t ready,
                    ServicePlan& plan) {
  if (latest == nullptr || latest->spec.number == canary.stable) {
    return canary.stable > 0 ? canary.stable : ready;
  }
  const std::string& phase = latest->status.phase;
  const bool is_retired = phase == runtime::kPhaseRetired;
  if (canary.phase == resource::kCanaryRolledBack) {
    if (!is_retired && phase != runtime::kPhaseFailed) {
      plan.retire.push_back(latest->metadata.name);
    }
  } else if (is_retired) {
    plan.revive.push_back(latest->metadata.name);
  }
  return canary.stable > 0 ? canary.stable : ready;
}

// Below the address of the site's data plane.
std::string UrlOf(const Service& service) {
  const std::optional<resource::ProgramSettings>& program = service.spec.predictor.program;
  const bool is_http = program && program->protocol == resource::ProgramProtocol::kHttp;
  return fmt::format("{}{}/{}",
                     service.metadata.project == "default" ? "" : "/p/" + service.metadata.project,
                     is_http ? "/services" : "/v2/models", service.metadata.name);
}

}  // namespace

std::string RevisionName(std::string_view service, int64_t number) {
  return fmt::format("{}-{}", service, number);
}

Result<ServicePlan> PlanService(Service service, std::vector<Revision> revisions,
                                const FollowedTags& followed, const Measured& measured) {
  std::ranges::sort(revisions, {}, [](const Revision& r) { return r.spec.number; });
  const Revision* latest = revisions.empty() ? nullptr : &revisions.back();
  TRY(wanted, WantedRevision(service, latest, followed));
  ServicePlan plan;
  // Numbers are never given twice, not even when the last revision was removed.
  const int64_t highest =
      std::max(service.status.latest_revision, latest != nullptr ? latest->spec.number : 0);
  if (latest == nullptr || !(latest->spec.predictor == wanted.predictor)) {
    wanted.number = highest + 1;
    plan.create = wanted;
    latest = nullptr;
  }
  const int64_t number = plan.create ? wanted.number : latest->spec.number;
  int64_t ready = ReadyRevision(revisions, service.status.ready_revision);
  if (service.spec.canary) {
    const FiguresByUid none;
    CanaryPlan canary = PlanCanary({.service = service,
                                    .revisions = revisions,
                                    .latest = number,
                                    .ready = ready,
                                    .figures = measured.figures ? *measured.figures : none,
                                    .now = measured.now});
    ready = AdoptCanary(canary.status, latest, ready, plan);
    service.status.canary = plan.status.canary = std::move(canary.status);
    service.status.ready_revision = ready;
    service.spec.traffic = resource::TrafficOf(service.spec, service.status);
    plan.canary_progress = std::move(canary.progress);
  } else if (latest != nullptr && latest->status.phase == runtime::kPhaseRetired) {
    // A canary that is not wanted any more had rolled it back.
    plan.revive.push_back(latest->metadata.name);
  }
  std::set<int64_t> named = NamedBy(service);
  // What was rolled back has no requests, whatever rule or shadow names it.
  if (IsRolledBack(plan.status.canary)) named.erase(plan.status.canary->revision);
  PlanRevisions(revisions, number, {ready}, named, plan);
  plan.status.observed_generation = service.metadata.generation;
  plan.status.phase = PhaseOf(latest, ready, plan.status.canary);
  plan.status.conditions = {ConditionOf(service, latest, number, ServingText(revisions, ready))};
  if (service.spec.traffic) {
    plan.status.conditions.push_back(TrafficCondition(*service.spec.traffic, revisions));
  }
  if (plan.status.canary && plan.status.canary->phase != resource::kCanaryIdle) {
    plan.status.conditions.push_back(CanaryCondition(*plan.status.canary));
  }
  plan.status.ready_revision = ready;
  plan.status.latest_revision = number;
  plan.status.model_digest = wanted.manifest_digest;
  plan.status.url = UrlOf(service);
  return plan;
}

}  // namespace slipway::controller
