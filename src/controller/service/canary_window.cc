#include "controller/service/canary_window.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/metrics.h"

namespace slipway::controller {
namespace {

using resource::CanaryCondition;
using resource::CanaryCounts;
using resource::CanarySpec;
using Kind = CanaryVerdict::Kind;

constexpr std::string_view kLatencyHistogram = "slipway_inference_request_duration_seconds";

template <class Map>
void Keep(const std::set<std::string>& names, const Map& from, Map& to) {
  for (const std::string& name : names) {
    const auto found = from.find(name);
    if (found != from.end()) to.insert(*found);
  }
}

// Adds what `now` has above `before`.
void AddGrowth(const CanaryCounts& now, const CanaryCounts& before, CanaryCounts& sum) {
  sum.requests += std::max(now.requests - before.requests, 0.0);
  sum.failures += std::max(now.failures - before.failures, 0.0);
  for (const auto& [name, value] : now.counters) {
    const auto old = before.counters.find(name);
    sum.counters[name] += std::max(value - (old == before.counters.end() ? 0 : old->second), 0.0);
  }
  for (const auto& [name, buckets] : now.histograms) {
    std::vector<uint64_t>& total = sum.histograms[name];
    total.resize(std::max(total.size(), buckets.size()));
    const auto old = before.histograms.find(name);
    for (size_t i = 0; i < buckets.size(); ++i) {
      const bool known = old != before.histograms.end() && i < old->second.size();
      total[i] += buckets[i] - std::min(known ? old->second[i] : 0, buckets[i]);
    }
  }
}

// What a condition finds: a value, or what there is to say of its absence.
struct Found {
  std::optional<double> value;
  std::string missing;
  bool is_fault = false;  // its absence is the revision's fault: it will not come
};

Found Counter(const CanaryCounts& counts, const std::string& name) {
  const auto found = counts.counters.find(name);
  if (found != counts.counters.end()) return {.value = found->second};
  return {.missing = "it has no metric " + name};
}

Found HistogramValue(const CanaryCondition& condition, const CanaryCounts& counts) {
  const bool is_latency = condition.metric == resource::kLatencyMs;
  const auto found =
      counts.histograms.find(is_latency ? std::string(kLatencyHistogram) : condition.metric);
  if (found == counts.histograms.end()) {
    return {.missing = "it has no histogram " + condition.metric};
  }
  std::optional<double> seconds = QuantileSeconds(found->second, *condition.quantile);
  if (!seconds) return {.missing = "no request was answered well", .is_fault = counts.requests > 0};
  if (is_latency) *seconds *= 1000;
  return {.value = seconds};
}

Found ValueOf(const CanaryCondition& condition, const CanaryCounts& counts) {
  if (condition.metric == resource::kErrorRate) {
    return {.value = counts.failures / std::max(counts.requests, 1.0)};
  }
  if (condition.quantile) return HistogramValue(condition, counts);
  const auto gauge = counts.gauges.find(condition.metric);
  if (gauge != counts.gauges.end()) return {.value = gauge->second};
  Found value = Counter(counts, condition.metric);
  if (!value.value) return value;
  Found divisor =
      condition.per.empty() ? Found{.value = counts.requests} : Counter(counts, condition.per);
  if (!divisor.value) return divisor;
  if (*divisor.value == 0) {
    return {.missing = (condition.per.empty() ? "requests" : condition.per) + " did not grow"};
  }
  return {.value = *value.value / *divisor.value};
}

std::string NameOf(const CanaryCondition& condition) {
  std::string name = condition.metric;
  if (condition.quantile) name += fmt::format(" p{:g}", *condition.quantile * 100);
  if (!condition.per.empty()) name += " per " + condition.per;
  return name;
}

// A limit that holds: the wider one of those that are given.
std::optional<double> Wider(std::optional<double> absolute, std::optional<double> ratio,
                            std::optional<double> stable, bool is_upper) {
  std::optional<double> relative;
  if (ratio && stable) relative = *ratio * *stable;
  if (!absolute || !relative) return absolute ? absolute : relative;
  return is_upper ? std::max(*absolute, *relative) : std::min(*absolute, *relative);
}

// What the condition says of a value; empty where it holds.
std::string Violation(double value, std::optional<double> most, std::optional<double> least) {
  if (most && value > *most) return fmt::format("above {:.4g}", *most);
  if (least && value < *least) return fmt::format("below {:.4g}", *least);
  return "";
}

std::string LimitsText(std::optional<double> most, std::optional<double> least,
                       std::optional<double> stable) {
  std::string text;
  if (most) text = fmt::format("at most {:.4g}", *most);
  if (least) text += fmt::format("{}at least {:.4g}", text.empty() ? "" : ", ", *least);
  if (stable) text += fmt::format("; stable {:.4g}", *stable);
  return text;
}

bool HasRatio(const CanaryCondition& condition) {
  return condition.max_ratio || condition.min_ratio;
}

CanaryVerdict JudgeOne(const CanarySpec& spec, const CanaryCondition& condition,
                       const CanaryCounts& canary, const CanaryCounts* stable) {
  const Found value = ValueOf(condition, canary);
  if (!value.value) {
    return {value.is_fault ? Kind::kFailed : Kind::kNotYet,
            NameOf(condition) + ": " + value.missing, ""};
  }
  std::optional<double> measured;   // of the stable revision
  std::optional<double> reference;  // what ratios are taken of
  if (HasRatio(condition) && stable != nullptr) {
    if (stable->requests < static_cast<double>(spec.min_requests)) {
      return {Kind::kNotYet,
              fmt::format("{}: {:.0f} of {} requests to the stable revision, to compare with",
                          NameOf(condition), stable->requests, spec.min_requests),
              ""};
    }
    const Found found = ValueOf(condition, *stable);
    if (!found.value) {
      return {Kind::kNotYet, NameOf(condition) + " of the stable revision: " + found.missing, ""};
    }
    reference = measured = found.value;
    // None of so many is less than one of them: one failure of the new revision proves nothing.
    if (condition.metric == resource::kErrorRate) {
      reference = std::max(*reference, 1 / std::max(stable->requests, 1.0));
    }
  }
  const auto most = Wider(condition.max, condition.max_ratio, reference, true);
  const auto least = Wider(condition.min, condition.min_ratio, reference, false);
  const std::string text = fmt::format("{} {:.4g}", NameOf(condition), *value.value);
  if (!most && !least) return {Kind::kPassed, "", text};
  const std::string violation = Violation(*value.value, most, least);
  const std::string limits = LimitsText(most, least, measured);
  if (violation.empty()) return {Kind::kPassed, "", text + " (" + limits + ")"};
  return {Kind::kFailed,
          text + " is " + violation + (measured ? fmt::format(" (stable {:.4g})", *measured) : ""),
          ""};
}

}  // namespace

CanaryCounts CountsOf(const CanarySpec& spec, const runtime::RevisionFigures& figures) {
  CanaryCounts counts{.since_ms = figures.since_ms,
                      .requests = static_cast<double>(figures.requests),
                      .failures = static_cast<double>(figures.failures)};
  std::set<std::string> names;
  for (const CanaryCondition& condition : spec.conditions) {
    names.insert(condition.metric == resource::kLatencyMs ? std::string(kLatencyHistogram)
                                                          : condition.metric);
    names.insert(condition.per);
  }
  Keep(names, figures.counters, counts.counters);
  Keep(names, figures.gauges, counts.gauges);
  Keep(names, figures.histograms, counts.histograms);
  return counts;
}

void Observe(const CanaryCounts& now, resource::CanaryWindow& window) {
  const bool is_first = !window.last.has_value();
  const bool is_anew = !is_first && window.last->since_ms != now.since_ms;
  AddGrowth(now, is_first ? now : is_anew ? CanaryCounts() : *window.last, window.sum);
  window.sum.since_ms = now.since_ms;
  window.sum.gauges = now.gauges;
  window.last = now;
}

CanaryVerdict Judge(const CanarySpec& spec, const CanaryCounts& canary,
                    const CanaryCounts* stable) {
  if (canary.requests < static_cast<double>(spec.min_requests)) {
    return {Kind::kNotYet, fmt::format("{:.0f} of {} requests", canary.requests, spec.min_requests),
            ""};
  }
  CanaryVerdict all;
  // Only where none are asked for.
  if (canary.requests == 0) return all;
  for (const CanaryCondition& condition : spec.conditions) {
    CanaryVerdict one = JudgeOne(spec, condition, canary, stable);
    if (one.kind == Kind::kFailed) return one;
    if (one.kind == Kind::kNotYet && all.kind == Kind::kPassed) {
      all.kind = one.kind;
      all.reason = one.reason;
    }
    if (!one.figures.empty()) all.figures += (all.figures.empty() ? "" : ", ") + one.figures;
  }
  return all;
}

std::optional<double> QuantileSeconds(const std::vector<uint64_t>& buckets, double quantile) {
  uint64_t total = 0;
  for (const uint64_t count : buckets) total += count;
  if (total == 0) return std::nullopt;
  const double rank = quantile * static_cast<double>(total);
  double below = 0;
  for (size_t i = 0; i < buckets.size(); ++i) {
    const auto count = static_cast<double>(buckets[i]);
    if (count > 0 && below + count >= rank) {
      const double from = i == 0 ? 0 : HistogramBoundSeconds(i - 1);
      // Of the last bucket nothing is known but where it begins.
      if (i + 1 >= kHistogramBuckets) return from;
      return from + (HistogramBoundSeconds(i) - from) * std::max(rank - below, 0.0) / count;
    }
    below += count;
  }
  return HistogramBoundSeconds(buckets.size() - 1);
}

}  // namespace slipway::controller
