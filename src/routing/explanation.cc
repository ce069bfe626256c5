#include "routing/explanation.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "routing/rules.h"

namespace slipway::routing {
namespace {

bool IsReady(std::span<const Candidate> candidates, int64_t revision) {
  return std::any_of(candidates.begin(), candidates.end(), [revision](const Candidate& candidate) {
    return candidate.number == revision && candidate.ready && candidate.listed;
  });
}

std::vector<ExplainedRule> ExplainRules(const TrafficSpec& traffic,
                                        const std::vector<ConditionTrace>& trace,
                                        std::optional<size_t> matched) {
  std::vector<ExplainedRule> out;
  for (size_t i = 0; i < traffic.rules.size(); ++i) {
    ExplainedRule& rule = out.emplace_back();
    rule.name = traffic.rules[i].name;
    const bool is_reached = !matched || i <= *matched;
    rule.verdict = matched == i ? "matched" : is_reached ? "not matched" : "not reached";
  }
  for (const ConditionTrace& one : trace) {
    out[one.rule].conditions.push_back(
        {.condition = ConditionText(traffic.rules[one.rule].when[one.condition]),
         .value = one.value,
         .held = one.held});
  }
  return out;
}

// What the split says and what comes of it.
std::vector<ExplainedShare> ExplainShares(std::span<const SplitPart> split,
                                          std::span<const Share> shares,
                                          std::span<const Candidate> candidates) {
  std::vector<ExplainedShare> out;
  for (const SplitPart& part : split) {
    out.push_back({.revision = part.revision,
                   .weight = part.weight,
                   .ready = IsReady(candidates, part.revision)});
  }
  double total = 0;
  for (const Share& share : shares) total += share.weight;
  for (const Share& share : shares) {
    auto found = std::find_if(out.begin(), out.end(), [&](const ExplainedShare& one) {
      return one.revision == share.number;
    });
    if (found == out.end()) {
      out.push_back({.revision = share.number, .ready = true});
      found = out.end() - 1;
    }
    found->percent = 100 * share.weight / total;
  }
  return out;
}

std::string RouteText(const Explanation& explanation) {
  return explanation.route.empty() ? "the default route"
                                   : fmt::format("rule {}", explanation.route);
}

void Choose(std::span<const Share> shares, std::span<const SplitPart> split, bool is_sticky,
            Explanation& out) {
  const std::string route = RouteText(out);
  if (shares.empty()) {
    out.reason = fmt::format("{}: no revision is ready", route);
    return;
  }
  const bool is_named = std::any_of(split.begin(), split.end(), [&](const SplitPart& part) {
    return part.weight > 0 && part.revision == shares.front().number;
  });
  if (shares.size() == 1) {
    out.revision = shares.front().number;
    if (is_named || split.empty()) {
      out.reason = fmt::format("{}: {} gets all", route,
                               split.empty() ? "the newest revision that is ready"
                                             : fmt::format("revision {}", out.revision));
    } else {
      out.reason = fmt::format("{}: no revision that it names is ready, revision {} stands in",
                               route, out.revision);
    }
    return;
  }
  if (out.key) {
    out.revision = shares[PickByKey(shares, *out.key)].number;
    out.reason = fmt::format("{}: its key stays with revision {}", route, out.revision);
    return;
  }
  out.reason = fmt::format("{}: by weight, each request in its turn{}", route,
                           is_sticky ? "; it has no key" : "");
}

void ExplainVersion(int64_t version, std::span<const Candidate> candidates, Explanation& out) {
  if (IsReady(candidates, version)) {
    out.revision = version;
    out.reason = fmt::format("its path names version {}, which goes by no rule", version);
  } else {
    out.reason = fmt::format("its path names version {}, which is not ready", version);
  }
}

}  // namespace

Result<Explanation> Explain(const TrafficSpec& traffic, std::span<const Candidate> candidates,
                            RequestFacts& request, const ExplainOptions& options) {
  Explanation out;
  if (options.version) {
    ExplainVersion(*options.version, candidates, out);
    return out;
  }
  TRY(rules, Rules::Compile(traffic.rules));
  std::vector<ConditionTrace> trace;
  const std::optional<size_t> matched = rules.Match(request, &trace);
  out.rules = ExplainRules(traffic, trace, matched);
  if (matched) out.route = traffic.rules[*matched].name;
  if (traffic.sticky && options.key) {
    out.key = options.key;
  } else if (traffic.sticky) {
    if (const auto key = KeySource(*traffic.sticky).Of(request)) out.key.emplace(*key);
  }
  const std::vector<Share> ordinary = DivideTraffic(candidates, traffic.split);
  const std::span<const SplitPart> split =
      matched ? std::span(traffic.rules[*matched].split) : std::span(traffic.split);
  const std::vector<Share> shares = matched ? DivideRule(candidates, split, ordinary) : ordinary;
  out.shares = ExplainShares(split, shares, candidates);
  Choose(shares, split, traffic.sticky.has_value(), out);
  const std::optional<ShadowSpec>& own = matched ? traffic.rules[*matched].shadow : traffic.shadow;
  if (const std::optional<ShadowSpec>& shadow = own ? own : traffic.shadow) {
    out.shadow = {.revision = shadow->revision,
                  .weight = shadow->weight,
                  .ready = IsReady(candidates, shadow->revision)};
  }
  return out;
}

}  // namespace slipway::routing
