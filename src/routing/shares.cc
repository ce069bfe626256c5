#include "routing/shares.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace slipway::routing {
namespace {

constexpr uint64_t kGolden = 0x9e3779b97f4a7c15u;  // 2^64 divided by the golden ratio
// 2^64 times the square root of 2, less 1: turns of two kinds that go on side by side must not
// follow each other.
constexpr uint64_t kRootOfTwo = 0x6a09e667f3bcc909u;

std::vector<Share> Weighted(std::span<const Candidate> candidates,
                            std::span<const SplitPart> split) {
  std::vector<Share> shares;
  for (const SplitPart& part : split) {
    if (part.weight <= 0) continue;
    for (size_t i = 0; i < candidates.size(); ++i) {
      const Candidate& candidate = candidates[i];
      if (!candidate.listed || !candidate.ready || candidate.number != part.revision) continue;
      shares.push_back({.candidate = i,
                        .number = candidate.number,
                        .weight = static_cast<uint32_t>(part.weight)});
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

// `point` as a part of 2^64, in units of `total`.
uint64_t Scaled(uint64_t point, uint64_t total) {
  return ((point >> 32) * total) >> 32;
}

}  // namespace

std::vector<Share> DivideTraffic(std::span<const Candidate> candidates,
                                 std::span<const SplitPart> split) {
  std::vector<Share> shares = Weighted(candidates, split);
  if (!shares.empty()) return shares;
  if (const auto newest = Newest(candidates)) {
    return {{.candidate = *newest, .number = candidates[*newest].number, .weight = 1}};
  }
  const bool any_listed = std::any_of(candidates.begin(), candidates.end(),
                                      [](const Candidate& candidate) { return candidate.listed; });
  if (!any_listed) return {};
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].ready && candidates[i].serving) {
      shares.push_back({.candidate = i, .number = candidates[i].number, .weight = 1});
    }
  }
  return shares;
}

std::vector<Share> DivideRule(std::span<const Candidate> candidates,
                              std::span<const SplitPart> split, std::span<const Share> otherwise) {
  std::vector<Share> shares = Weighted(candidates, split);
  if (shares.empty()) shares.assign(otherwise.begin(), otherwise.end());
  return shares;
}

size_t PickByTurn(std::span<const Share> shares, uint64_t turn) {
  if (shares.size() == 1) return 0;
  uint64_t total = 0;
  for (const Share& share : shares) total += share.weight;
  uint64_t rest = Scaled(turn * kGolden, total);
  for (size_t i = 0; i < shares.size(); ++i) {
    if (rest < shares[i].weight) return i;
    rest -= shares[i].weight;
  }
  return shares.size() - 1;
}

uint64_t KeyHash(std::string_view key, int64_t revision) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : key) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  hash += static_cast<uint64_t>(revision) * kGolden;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
  return hash ^ (hash >> 31);
}

size_t PickByKey(std::span<const Share> shares, std::string_view key) {
  size_t best = 0;
  double least = 0;
  for (size_t i = 0; i < shares.size(); ++i) {
    // The middle of one of 2^53 parts: never 0, never 1.
    const double u = (static_cast<double>(KeyHash(key, shares[i].number) >> 11) + 0.5) * 0x1.0p-53;
    const double score = -std::log(u) / shares[i].weight;
    if (i > 0 && score >= least) continue;
    best = i;
    least = score;
  }
  return best;
}

bool IsPart(int32_t weight, uint64_t turn) {
  return Scaled(turn * kRootOfTwo, kWholeWeight) < static_cast<uint64_t>(weight);
}

}  // namespace slipway::routing
