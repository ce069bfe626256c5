#include "controller/service/rollback.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "controller/service/plan.h"
#include "runtime/site_state.h"

namespace slipway::controller {
namespace {

// Newest first.
Result<std::vector<Revision>> RevisionsOf(const resource::ResourceTransaction& transaction,
                                          const resource::Resource& service) {
  TRY(dependents, transaction.Dependents(service.metadata.uid));
  std::vector<Revision> revisions;
  for (const resource::Resource& dependent : dependents) {
    if (dependent.kind != "Revision") continue;
    TRY(revision, Revision::From(dependent));
    revisions.push_back(std::move(revision));
  }
  std::ranges::sort(revisions, std::greater(), [](const Revision& r) { return r.spec.number; });
  return revisions;
}

}  // namespace

Result<resource::Resource> Rollback(resource::ResourceTransaction& transaction,
                                    const resource::Key& key) {
  TRY(service, transaction.Get(key));
  TRY(revisions, RevisionsOf(transaction, service));
  TRY(spec, Decode<resource::ServiceSpec>(service.spec, "spec", UnknownFields::kIgnore));
  const Json wanted = Encode(spec.predictor);
  for (const Revision& revision : revisions) {
    const Json settings = Encode(revision.spec.predictor);
    const bool was_ready =
        revision.status.load_ms > 0 || revision.status.phase == runtime::kPhaseReady;
    if (!was_ready || settings == wanted) continue;
    service.spec["predictor"] = settings;
    return transaction.Update(std::move(service));
  }
  return FailedPrecondition(
      "NO_EARLIER_REVISION",
      fmt::format("service {} has no earlier revision that was ready; deploy the model you want",
                  key.name));
}

Result<bool> Retry(resource::ResourceTransaction& transaction, const resource::Key& key) {
  TRY(service, transaction.Get(key));
  TRY(revisions, RevisionsOf(transaction, service));
  if (revisions.empty() || revisions.front().status.phase != runtime::kPhaseFailed) return false;
  resource::RevisionStatus status = revisions.front().status;
  status.phase = runtime::kPhasePending;
  status.conditions.clear();
  TRY(updated, transaction.UpdateStatus({"Revision", key.project, revisions.front().metadata.name},
                                        Encode(status)));
  (void)updated;
  return true;
}

}  // namespace slipway::controller
