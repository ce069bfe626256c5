#include "controller/service/traffic_status.h"

#include <algorithm>

#include <fmt/format.h>

#include "runtime/site_state.h"

namespace slipway::controller {
namespace {

// "revision 2 gets 90 %, revision 3 gets 10 %"
std::string SharesText(const std::vector<routing::Share>& shares) {
  double total = 0;
  for (const routing::Share& share : shares) total += share.weight;
  std::string text;
  for (const routing::Share& share : shares) {
    text += fmt::format("{}revision {} gets {:.4g} %", text.empty() ? "" : ", ", share.number,
                        100 * share.weight / total);
  }
  return text.empty() ? "nothing is ready" : text;
}

}  // namespace

std::vector<routing::Candidate> CandidatesOf(const std::vector<Revision>& revisions) {
  std::vector<routing::Candidate> candidates;
  for (const Revision& revision : revisions) {
    candidates.push_back({.number = revision.spec.number,
                          .ready = revision.status.phase == runtime::kPhaseReady,
                          .listed = revision.status.phase != runtime::kPhaseRetired});
  }
  return candidates;
}

bool HasShare(const routing::TrafficSpec& traffic, int64_t revision) {
  return traffic.split.empty() ||
         std::ranges::any_of(traffic.split, [revision](const routing::SplitPart& part) {
           return part.revision == revision && part.weight > 0;
         });
}

resource::Condition TrafficCondition(const routing::TrafficSpec& traffic,
                                     const std::vector<Revision>& revisions) {
  const std::vector<routing::Candidate> candidates = CandidatesOf(revisions);
  std::string unready;
  for (const int64_t number : routing::NamedRevisions(traffic)) {
    const bool is_ready = std::ranges::any_of(candidates, [number](const auto& candidate) {
      return candidate.number == number && candidate.ready;
    });
    if (!is_ready) unready += (unready.empty() ? "" : ", ") + std::to_string(number);
  }
  resource::Condition condition{
      .type = "Traffic",
      .status = unready.empty() ? "True" : "False",
      .reason = unready.empty() ? "REVISIONS_READY" : "REVISION_NOT_READY",
      .message = SharesText(routing::DivideTraffic(candidates, traffic.split)),
      .changed_at = ""};
  if (!unready.empty()) {
    condition.message +=
        fmt::format("; not ready, so that others have their shares: revision {}", unready);
  }
  return condition;
}

}  // namespace slipway::controller
