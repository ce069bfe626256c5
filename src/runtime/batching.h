// How requests of one revision wait, and which of them share a run: resource::BatchingSettings as
// the data plane reads it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/describe.h"

namespace slipway::runtime {

struct BatchingSettings {
  int32_t max_batch_size = 0;      // rows; 0 and 1: each request runs by itself
  int64_t max_queue_delay_us = 0;  // for companions
  std::vector<int32_t> preferred_sizes;
  int32_t priority_levels = 0;         // 0: none
  int32_t default_priority = 0;        // 0: the middle level
  int32_t max_queue_size = 0;          // 0: serve chooses
  int64_t queue_timeout_us = 0;        // 0: none
  std::string timeout_action;          // "delay", or "reject"; empty is "reject"
  bool allow_timeout_override = true;  // the request parameter `timeout` counts

  bool operator==(const BatchingSettings&) const = default;
};
BOOST_DESCRIBE_STRUCT(BatchingSettings, (),
                      (max_batch_size, max_queue_delay_us, preferred_sizes, priority_levels,
                       default_priority, max_queue_size, queue_timeout_us, timeout_action,
                       allow_timeout_override))

}  // namespace slipway::runtime

template <>
struct slipway::Description<slipway::runtime::BatchingSettings> {
  static constexpr std::string_view kText = "How requests wait and share runs.";
  static constexpr FieldText kFields[] = {
      {.name = "max_batch_size", .text = "Rows of one run.", .min = 0, .max = 65'536},
      {.name = "max_queue_delay_us", .text = "Wait for companions.", .min = 0, .max = 10'000'000},
      {.name = "preferred_sizes", .text = "Sizes that run without further delay.", .max = 64},
      {.name = "priority_levels", .text = "Levels of priority; 0: none.", .min = 0, .max = 64},
      {.name = "default_priority", .text = "0: the middle level.", .min = 0, .max = 64},
      {.name = "max_queue_size", .text = "Requests that wait; 0: chosen.", .min = 0, .max = 65'536},
      {.name = "queue_timeout_us",
       .text = "How long a request may wait; 0: no limit.",
       .min = 0,
       .max = 3'600'000'000},
      {.name = "timeout_action", .text = "reject or delay.", .max = 16},
      {.name = "allow_timeout_override", .text = "Whether a request's own timeout counts."},
  };
};
