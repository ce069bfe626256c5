// ScalingSpec: how many runs of a service's models there may be at the same time, by what is asked
// of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/describe.h"

namespace slipway::resource {

enum class ScalingMetric : uint8_t { kConcurrency, kQueue, kRate, kLatencyMs };
BOOST_DESCRIBE_ENUM(ScalingMetric, kConcurrency, kQueue, kRate, kLatencyMs)

struct ScalingSpec {
  int32_t min_instances = 1;
  int32_t max_instances = 1;
  ScalingMetric metric = ScalingMetric::kConcurrency;
  double target = 1;
  std::string up_window = "0s";
  std::string down_window = "5m";
};
BOOST_DESCRIBE_STRUCT(ScalingSpec, (),
                      (min_instances, max_instances, metric, target, up_window, down_window))

inline constexpr int32_t kMostInstances = 64;
inline constexpr std::chrono::milliseconds kLongestScalingWindow = std::chrono::hours(1);

// What the description cannot say. INVALID_ARGUMENT / FIELD_RANGE, DURATION_INVALID, with the path
// of the field below `at`.
Result<void> CheckScaling(const ScalingSpec& scaling, const std::string& at);

}  // namespace slipway::resource

template <>
struct slipway::Description<slipway::resource::ScalingSpec> {
  static constexpr std::string_view kText =
      "Instances of each revision by what is asked of it: runs of the model at the same time.";
  static constexpr FieldText kFields[] = {
      {.name = "min_instances",
       .text = "Never fewer. 0: a model that nobody asks leaves the memory, and the next request "
               "waits until it is back.",
       .min = 0,
       .max = slipway::resource::kMostInstances},
      {.name = "max_instances",
       .text = "Never more.",
       .required = true,
       .min = 1,
       .max = slipway::resource::kMostInstances},
      {.name = "metric",
       .text = "What is held at the target for each instance: concurrency (requests that wait or "
               "run), queue (requests that wait), rate (requests answered in a second), or "
               "latencyMs (mean time from arrival to answer, which more instances bring down)."},
      {.name = "target", .text = "Of the metric, above 0.", .min = 0, .max = 1e9},
      {.name = "up_window",
       .text = "More instances come when they were wanted for so long, 0s to 1h.",
       .format = "duration"},
      {.name = "down_window",
       .text = "Instances go when they were not wanted for so long, 0s to 1h.",
       .format = "duration"},
  };
};
