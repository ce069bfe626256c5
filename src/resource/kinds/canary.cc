#include "resource/kinds/canary.h"

#include "base/format_check.h"

namespace slipway::resource {
namespace {

Error Fault(std::string_view reason, const std::string& field, const std::string& problem) {
  return InvalidArgument(std::string(reason), field + ": " + problem).With("field", field);
}

Result<void> CheckStep(const CanaryStep& step, int32_t before, const std::string& at) {
  if (step.weight <= before) {
    return Fault("FIELD_RANGE", at + ".weight",
                 "more than the " + std::to_string(before) + " of the step before, got " +
                     std::to_string(step.weight));
  }
  const auto hold = ParseDuration(step.hold);
  if (!hold) return hold.error().Prefixed(at + ".hold: ").With("field", at + ".hold");
  if (*hold <= kLongestHold) return {};
  return Fault("FIELD_RANGE", at + ".hold", "0s to 7d, got " + Quoted(step.hold));
}

Result<void> CheckCondition(const CanaryCondition& condition, const std::string& at) {
  const bool is_rate = condition.metric == kErrorRate;
  if (is_rate && condition.quantile) {
    return Fault("FIELD_RANGE", at + ".quantile", "an errorRate has no quantiles");
  }
  if (condition.metric == kLatencyMs && !condition.quantile) {
    return Fault("FIELD_REQUIRED", at + ".quantile",
                 "which quantile of the latency is meant, as 0.99");
  }
  if (condition.quantile && (*condition.quantile <= 0 || *condition.quantile >= 1)) {
    return Fault("FIELD_RANGE", at + ".quantile", "above 0 and below 1, as 0.99");
  }
  if (!condition.per.empty() && (is_rate || condition.quantile)) {
    return Fault("FIELD_RANGE", at + ".per", "only a counter is divided by another");
  }
  if (!condition.max && !condition.min && !condition.max_ratio && !condition.min_ratio) {
    return Fault("FIELD_REQUIRED", at, "at least one of max, min, maxRatio and minRatio");
  }
  if (is_rate && condition.max && (*condition.max < 0 || *condition.max > 1)) {
    return Fault("FIELD_RANGE", at + ".max", "an errorRate is 0 to 1: 0.01 is one of 100");
  }
  return {};
}

}  // namespace

Result<void> CheckCanary(const CanarySpec& canary, const std::string& at) {
  int32_t before = 0;
  for (size_t i = 0; i < canary.steps.size(); ++i) {
    TRY_VOID(CheckStep(canary.steps[i], before, at + ".steps[" + std::to_string(i) + "]"));
    before = canary.steps[i].weight;
  }
  for (size_t i = 0; i < canary.conditions.size(); ++i) {
    TRY_VOID(CheckCondition(canary.conditions[i], at + ".conditions[" + std::to_string(i) + "]"));
  }
  if (canary.promote == 0 || canary.promote != canary.abort) return {};
  return Fault("FIELD_RANGE", at + ".abort",
               "revision " + std::to_string(canary.abort) +
                   " cannot be promoted and aborted: set one of the two to 0");
}

std::chrono::milliseconds HoldOf(const CanaryStep& step) {
  const auto hold = ParseDuration(step.hold);
  return hold.has_value() ? *hold : kLongestHold;
}

bool IsOnTrial(const CanaryStatus& canary) {
  return canary.phase == kCanaryStepping || canary.phase == kCanaryPaused;
}

std::optional<routing::TrafficSpec> CanaryTraffic(
    const std::optional<routing::TrafficSpec>& traffic, const std::optional<CanaryStatus>& canary,
    int64_t ready) {
  const int64_t stable = canary && canary->stable > 0 ? canary->stable : ready;
  // Of the first revision nobody has a share before it is ready, and then it has all.
  if (stable == 0) return traffic;
  routing::TrafficSpec out = traffic.value_or(routing::TrafficSpec());
  const int32_t weight = canary && IsOnTrial(*canary) ? canary->weight : 0;
  out.split = {{.revision = stable, .weight = routing::kWholeWeight - weight}};
  if (weight > 0) out.split.push_back({.revision = canary->revision, .weight = weight});
  return out;
}

}  // namespace slipway::resource
