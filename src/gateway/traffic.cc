#include "gateway/traffic.h"

#include <algorithm>
#include <optional>

namespace slipway::gateway {
namespace {

std::vector<Share> Weighted(std::span<const Candidate> candidates,
                            std::span<const WantedShare> wanted) {
  std::vector<Share> shares;
  for (const WantedShare& want : wanted) {
    if (want.weight <= 0) continue;
    for (size_t i = 0; i < candidates.size(); ++i) {
      const Candidate& candidate = candidates[i];
      if (!candidate.listed || !candidate.ready || candidate.number != want.number) continue;
      shares.push_back({.candidate = i, .weight = static_cast<uint32_t>(want.weight)});
      break;
    }
  }
  return shares;
}

std::optional<size_t> Newest(std::span<const Candidate> candidates) {
  std::optional<size_t> newest;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (!candidates[i].listed || !candidates[i].ready) continue;
    if (!newest || candidates[i].number > candidates[*newest].number) newest = i;
  }
  return newest;
}

}  // namespace

std::vector<Share> DivideTraffic(std::span<const Candidate> candidates,
                                 std::span<const WantedShare> wanted) {
  std::vector<Share> shares = Weighted(candidates, wanted);
  if (!shares.empty()) return shares;
  if (const auto newest = Newest(candidates)) return {{.candidate = *newest, .weight = 1}};
  const bool any_listed = std::any_of(candidates.begin(), candidates.end(),
                                      [](const Candidate& candidate) { return candidate.listed; });
  if (!any_listed) return {};
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].ready && candidates[i].serving)
      shares.push_back({.candidate = i, .weight = 1});
  }
  return shares;
}

size_t PickShare(std::span<const Share> shares, uint64_t point) {
  if (shares.size() == 1) return shares.front().candidate;
  uint64_t total = 0;
  for (const Share& share : shares) total += share.weight;
  uint64_t rest = point % total;
  for (const Share& share : shares) {
    if (rest < share.weight) return share.candidate;
    rest -= share.weight;
  }
  return shares.back().candidate;
}

}  // namespace slipway::gateway
