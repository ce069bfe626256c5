#include "controller/service/rollback.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runtime/site_state.h"

namespace slipway::controller {
Result<std::vector<Revision>> RevisionsOf(const resource::ResourceTransaction& transaction,
                                          const resource::Metadata& service) {
  TRY(dependents, transaction.Dependents(service.uid));
  std::vector<Revision> revisions;
  for (const resource::Resource& dependent : dependents) {
    if (dependent.kind != "Revision") continue;
    TRY(revision, Revision::From(dependent));
    revisions.push_back(std::move(revision));
  }
  std::ranges::sort(revisions, std::greater(), [](const Revision& r) { return r.spec.number; });
  return revisions;
}

namespace {

// Once, if not now: a revision that was retired keeps what was last said of it, and one that failed
// later the time that its loading took.
bool WasReady(const Revision& revision) {
  if (revision.status.load_ms > 0 || revision.status.phase == runtime::kPhaseReady) return true;
  return std::ranges::any_of(revision.status.conditions, [](const resource::Condition& condition) {
    return condition.type == "Ready" && condition.status == "True";
  });
}

}  // namespace

const Revision* PreviousRevision(const resource::ServiceSpec& spec,
                                 const std::vector<Revision>& revisions) {
  // What a following service asks for is what its tag said last, not what its spec was pinned to.
  const bool by_tag = spec.follow && !revisions.empty();
  const Json wanted = Encode(by_tag ? revisions.front().spec.predictor : spec.predictor);
  for (const Revision& revision : revisions) {
    if (WasReady(revision) && Encode(revision.spec.predictor) != wanted) return &revision;
  }
  return nullptr;
}

Result<resource::Resource> Rollback(resource::ResourceTransaction& transaction,
                                    const resource::Key& key) {
  TRY(service, transaction.Get(key));
  TRY(revisions, RevisionsOf(transaction, service.metadata));
  TRY(spec, Decode<resource::ServiceSpec>(service.spec, "spec", UnknownFields::kIgnore));
  if (const Revision* previous = PreviousRevision(spec, revisions)) {
    service.spec["predictor"] = Encode(previous->spec.predictor);
    // The tag would take it forward again at once.
    if (spec.follow) service.spec["follow"] = false;
    // Who goes back wants it now: what served before has no steps to take.
    if (spec.canary) {
      service.spec["canary"]["promote"] = service.status.value("latestRevision", int64_t{0}) + 1;
    }
    return transaction.Update(std::move(service));
  }
  return FailedPrecondition(
      "NO_EARLIER_REVISION",
      fmt::format("service {} has no earlier revision that was ready; deploy the model you want",
                  key.name));
}

namespace {

// By its canary: then it is retired.
bool WasRolledBack(const resource::Resource& service, const Revision& newest) {
  const auto canary = service.status.find("canary");
  return newest.status.phase == runtime::kPhaseRetired && canary != service.status.end() &&
         canary->value("phase", std::string()) == resource::kCanaryRolledBack;
}

}  // namespace

Result<bool> Retry(resource::ResourceTransaction& transaction, const resource::Key& key) {
  TRY(service, transaction.Get(key));
  TRY(revisions, RevisionsOf(transaction, service.metadata));
  if (revisions.empty()) return false;
  const bool is_failed = revisions.front().status.phase == runtime::kPhaseFailed;
  if (!is_failed && !WasRolledBack(service, revisions.front())) return false;
  resource::RevisionStatus status = revisions.front().status;
  status.phase = runtime::kPhasePending;
  status.conditions.clear();
  TRY(updated, transaction.UpdateStatus({"Revision", key.project, revisions.front().metadata.name},
                                        Encode(status)));
  (void)updated;
  return true;
}

}  // namespace slipway::controller
