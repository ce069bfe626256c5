#include "agent/hand_over.h"

#include <map>

#include "runtime/site_state.h"

namespace slipway::agent {

Verdict JudgeSuccessor(const runtime::ServingStatus& current, const runtime::ServingStatus& next) {
  // A revision that moves to a process of its own is there twice.
  std::map<std::string, const runtime::RevisionMeasurement*> best;
  for (const runtime::RevisionMeasurement& one : next.revisions) {
    auto& known = best[one.uid];
    if (known == nullptr || one.phase == runtime::kPhaseReady) known = &one;
  }
  Verdict verdict{.readiness = Readiness::kReady};
  if (next.generation < current.generation) verdict.readiness = Readiness::kLoading;
  for (const runtime::RevisionMeasurement& one : current.revisions) {
    if (one.phase != runtime::kPhaseReady) continue;
    const auto found = best.find(one.uid);
    if (found != best.end() && found->second->phase == runtime::kPhaseReady) continue;
    if (found != best.end() && found->second->phase == runtime::kPhaseFailed) {
      return {.readiness = Readiness::kCannot,
              .uid = one.uid,
              .reason = found->second->reason,
              .message = found->second->message};
    }
    // What is not listed any more leaves the current one, too.
    verdict.readiness = Readiness::kLoading;
  }
  return verdict;
}

}  // namespace slipway::agent
