// Canary: how a service moves from one revision to the next by itself, and where that stands.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/describe.h"
#include "routing/traffic_spec.h"

namespace slipway::resource {

// One share of the default route, and how long it is watched.
struct CanaryStep {
  int32_t weight = 0;
  std::string hold = "60s";
};
BOOST_DESCRIBE_STRUCT(CanaryStep, (), (weight, hold))

// What must hold for the new revision in each step. With an absolute limit and one that is relative
// to the stable revision the wider of the two counts.
struct CanaryCondition {
  std::string metric;
  std::optional<double> quantile;
  std::string per;
  std::optional<double> max;
  std::optional<double> min;
  std::optional<double> max_ratio;
  std::optional<double> min_ratio;
};
BOOST_DESCRIBE_STRUCT(CanaryCondition, (), (metric, quantile, per, max, min, max_ratio, min_ratio))

struct CanarySpec {
  std::vector<CanaryStep> steps;
  std::vector<CanaryCondition> conditions;
  int64_t min_requests = 100;
  bool paused = false;
  int64_t promote = 0;
  int64_t abort = 0;
};
BOOST_DESCRIBE_STRUCT(CanarySpec, (), (steps, conditions, min_requests, paused, promote, abort))

inline constexpr std::string_view kErrorRate = "errorRate";
inline constexpr std::string_view kLatencyMs = "latencyMs";
inline constexpr size_t kMostCanarySteps = 20;
inline constexpr size_t kMostCanaryConditions = 32;
inline constexpr std::chrono::milliseconds kLongestHold = std::chrono::hours(7 * 24);

// What the descriptions cannot say. INVALID_ARGUMENT / FIELD_RANGE, FIELD_REQUIRED,
// DURATION_INVALID, with the path of the field below `at`.
Result<void> CheckCanary(const CanarySpec& canary, const std::string& at);
// Of a checked step.
std::chrono::milliseconds HoldOf(const CanaryStep& step);

// What one revision counted: all that the conditions look at.
struct CanaryCounts {
  int64_t since_ms = 0;  // when its counters began, ms since 1970
  double requests = 0;   // answered, well or not
  double failures = 0;
  std::map<std::string, double> counters;
  std::map<std::string, double> gauges;
  std::map<std::string, std::vector<uint64_t>> histograms;
};
BOOST_DESCRIBE_STRUCT(CanaryCounts, (),
                      (since_ms, requests, failures, counters, gauges, histograms))

// One revision in the present step: the sum of what it did, and the counters as they were when that
// was written. A data plane that starts anew counts from 0, and nothing is lost of the sum.
struct CanaryWindow {
  CanaryCounts sum;
  std::optional<CanaryCounts> last;
};
BOOST_DESCRIBE_STRUCT(CanaryWindow, (), (sum, last))

// Phases of a canary.
inline constexpr std::string_view kCanaryIdle = "Idle";        // the stable revision is the newest
inline constexpr std::string_view kCanaryWaiting = "Waiting";  // the new one is not ready yet
inline constexpr std::string_view kCanaryStepping = "Progressing";
inline constexpr std::string_view kCanaryPaused = "Paused";
inline constexpr std::string_view kCanaryPromoted = "Promoted";
inline constexpr std::string_view kCanaryRolledBack = "RolledBack";

struct CanaryStatus {
  std::string phase;
  int64_t stable = 0;    // the revision that has what the new one has not
  int64_t revision = 0;  // the new one; 0: there is none
  int32_t step = 0;      // counts from 1; 0: none has begun
  int32_t weight = 0;    // of the new one, in parts of 10,000
  int64_t held_ms = 0;   // how long the step was watched
  // When it was last looked at, ms since 1970; 0: it is not being watched.
  int64_t observed_ms = 0;
  std::string reason;
  std::string message;
  std::optional<CanaryWindow> measured;         // of the new revision
  std::optional<CanaryWindow> measured_stable;  // of the stable one
};
BOOST_DESCRIBE_STRUCT(CanaryStatus, (),
                      (phase, stable, revision, step, weight, held_ms, observed_ms, reason, message,
                       measured, measured_stable))

// Whether a revision is on trial: it is ready and has its share.
bool IsOnTrial(const CanaryStatus& canary);

// The traffic of a service that has a canary: its rules, and the shares that the canary gives.
// `ready` is the revision that serves where the canary has not begun.
std::optional<routing::TrafficSpec> CanaryTraffic(
    const std::optional<routing::TrafficSpec>& traffic, const std::optional<CanaryStatus>& canary,
    int64_t ready);

}  // namespace slipway::resource

template <>
struct slipway::Description<slipway::resource::CanaryStep> {
  static constexpr std::string_view kText = "One share of a new revision, and how long it is held.";
  static constexpr FieldText kFields[] = {
      {.name = "weight",
       .text = "Share of the default route in parts of 10,000; each step has more than the one "
               "before.",
       .required = true,
       .min = 1,
       .max = slipway::routing::kWholeWeight},
      {.name = "hold",
       .text = "How long the step is watched before the next one, 0s to 7d. Time in which nothing "
               "is measured does not count.",
       .format = "duration"},
  };
};

template <>
struct slipway::Description<slipway::resource::CanaryCondition> {
  static constexpr std::string_view kText =
      "What must hold for the new revision in each step: a metric and its limits. Where a limit is "
      "given both absolute and as a ratio the wider of the two counts.";
  static constexpr FieldText kFields[] = {
      {.name = "metric",
       .text = "errorRate (failed requests of all, 0 to 1, without those that the client left), "
               "latencyMs (of requests answered well), or the name of a metric of the revision as "
               "GET /metrics shows it, with its labels but model, namespace and version: "
               "NAME{label=\"value\"}.",
       .required = true,
       .min = 1,
       .max = 256},
      {.name = "quantile",
       .text = "Which quantile of latencyMs or of a histogram, as 0.99.",
       .min = 0,
       .max = 1},
      {.name = "per",
       .text = "For a counter: the counter by whose growth its own is divided. Default: requests.",
       .max = 256},
      {.name = "max", .text = "At most this."},
      {.name = "min", .text = "At least this."},
      {.name = "max_ratio",
       .text = "At most so many times what the stable revision has in the same step.",
       .min = 0},
      {.name = "min_ratio",
       .text = "At least so many times what the stable revision has in the same step.",
       .min = 0},
  };
};

template <>
struct slipway::Description<slipway::resource::CanarySpec> {
  static constexpr std::string_view kText =
      "How a new revision gets the traffic: in steps, each of which it must pass; see "
      "docs/canary.md.";
  static constexpr FieldText kFields[] = {
      {.name = "steps",
       .text = "Shares of the new revision, one after the other; after the last it gets all.",
       .required = true,
       .min = 1,
       .max = slipway::resource::kMostCanarySteps},
      {.name = "conditions",
       .text = "What must hold in each step; without any a revision that is ready passes.",
       .max = slipway::resource::kMostCanaryConditions},
      {.name = "min_requests",
       .text = "Requests that a step needs before anything is concluded from it. For a ratio the "
               "stable revision needs them too.",
       .min = 0,
       .max = 1e12},
      {.name = "paused", .text = "The shares stay as they are, and nothing is decided."},
      {.name = "promote",
       .text = "Number of a revision that gets all as soon as it is ready, whatever was measured. "
               "Other revisions take their steps.",
       .min = 0},
      {.name = "abort",
       .text = "Number of a revision that is to get nothing: the stable one has all again.",
       .min = 0},
  };
};

template <>
struct slipway::Description<slipway::resource::CanaryCounts> {
  static constexpr std::string_view kText = "What a revision counted.";
  static constexpr FieldText kFields[] = {
      {.name = "since_ms", .text = "When its counters began, ms since 1970."},
      {.name = "requests", .text = "Requests answered, well or not."},
      {.name = "failures", .text = "Those of them that failed."},
      {.name = "counters", .text = "Counters that conditions look at."},
      {.name = "gauges", .text = "Gauges that conditions look at."},
      {.name = "histograms", .text = "Counts of the buckets of histograms."},
  };
};

template <>
struct slipway::Description<slipway::resource::CanaryWindow> {
  static constexpr std::string_view kText = "What a revision did in the present step.";
  static constexpr FieldText kFields[] = {
      {.name = "sum", .text = "All of it."},
      {.name = "last", .text = "Its counters when that was written."},
  };
};

template <>
struct slipway::Description<slipway::resource::CanaryStatus> {
  static constexpr std::string_view kText = "Where the way of the newest revision stands.";
  static constexpr FieldText kFields[] = {
      {.name = "phase",
       .text = "Idle, Waiting (the new revision is not ready), Progressing, Paused, Promoted or "
               "RolledBack."},
      {.name = "stable", .text = "Number of the revision that has what the new one has not."},
      {.name = "revision", .text = "Number of the new revision; 0: there is none."},
      {.name = "step", .text = "The present step, counted from 1; 0: none has begun."},
      {.name = "weight", .text = "Share of the new revision in parts of 10,000."},
      {.name = "held_ms", .text = "How long the step was watched when this was written."},
      {.name = "observed_ms", .text = "When this was written, ms since 1970; 0: nobody watches."},
      {.name = "reason", .text = "A stable constant."},
      {.name = "message", .text = "One sentence with the figures of the last decision."},
      {.name = "measured", .text = "What the new revision did in the step."},
      {.name = "measured_stable", .text = "What the stable revision did in the step."},
  };
};
