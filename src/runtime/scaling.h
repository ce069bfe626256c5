// How many runs of a revision there may be at the same time: resource::ScalingSpec as the data
// plane reads it.
#pragma once

#include <cstdint>
#include <string>

#include "base/describe.h"

namespace slipway::runtime {

struct ScalingSettings {
  int32_t min_instances = 1;
  int32_t max_instances = 1;
  std::string metric;  // "concurrency", "queue", "rate" or "latencyMs"
  double target = 1;
  int64_t up_window_ms = 0;
  int64_t down_window_ms = 0;

  bool operator==(const ScalingSettings&) const = default;
};
BOOST_DESCRIBE_STRUCT(ScalingSettings, (),
                      (min_instances, max_instances, metric, target, up_window_ms, down_window_ms))

}  // namespace slipway::runtime

template <>
struct slipway::Description<slipway::runtime::ScalingSettings> {
  static constexpr std::string_view kText = "Instances of a revision by what is asked of it.";
  static constexpr FieldText kFields[] = {
      {.name = "min_instances", .text = "Never fewer.", .min = 0, .max = 1024},
      {.name = "max_instances", .text = "Never more.", .min = 1, .max = 1024},
      {.name = "metric", .text = "concurrency, queue, rate or latencyMs.", .max = 32},
      {.name = "target", .text = "For each instance.", .min = 1e-9, .max = 1e9},
      {.name = "up_window_ms", .text = "How long more are wanted.", .min = 0, .max = 3'600'000},
      {.name = "down_window_ms", .text = "How long fewer are wanted.", .min = 0, .max = 3'600'000},
  };
};
