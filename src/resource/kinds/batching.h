// BatchingSettings: how requests of a service wait, and which of them share a run of the model.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/describe.h"

namespace slipway::resource {

enum class TimeoutAction : uint8_t { kReject, kDelay };
BOOST_DESCRIBE_ENUM(TimeoutAction, kReject, kDelay)

struct BatchingSettings {
  int32_t max_batch_size = 0;
  std::string max_queue_delay = "0ms";
  std::vector<int32_t> preferred_sizes;
  int32_t priority_levels = 0;
  int32_t default_priority = 0;
  int32_t max_queue_size = 0;
  std::string queue_timeout = "0ms";
  TimeoutAction timeout_action = TimeoutAction::kReject;
  bool allow_timeout_override = true;

  bool operator==(const BatchingSettings&) const = default;
};
BOOST_DESCRIBE_STRUCT(BatchingSettings, (),
                      (max_batch_size, max_queue_delay, preferred_sizes, priority_levels,
                       default_priority, max_queue_size, queue_timeout, timeout_action,
                       allow_timeout_override))

inline constexpr int32_t kLargestBatch = 65'536;
inline constexpr int32_t kMostPreferredSizes = 64;
inline constexpr int32_t kMostPriorityLevels = 64;
inline constexpr int32_t kLongestQueue = 65'536;
inline constexpr std::chrono::microseconds kLongestQueueDelay{10'000'000};
inline constexpr std::chrono::microseconds kLongestQueueTimeout{3'600'000'000};

// What the description cannot say: durations, and what the fields say of each other. `at` is the
// path of the settings. INVALID_ARGUMENT / FIELD_RANGE, DURATION_INVALID, with the detail "field".
Result<void> CheckBatching(const BatchingSettings& settings, const std::string& at);
// A duration, or a number of "us": "250us".
Result<std::chrono::microseconds> ParseFineDuration(std::string_view text);

}  // namespace slipway::resource

template <>
struct slipway::Description<slipway::resource::BatchingSettings> {
  static constexpr std::string_view kText =
      "How requests wait, and which of them share a run of the model.";
  static constexpr FieldText kFields[] = {
      {.name = "max_batch_size",
       .text = "Rows (lengths of the first dimension) that one run takes, of all its requests "
               "together; 0 or 1: each request runs by itself. Above 1 the first dimension of all "
               "inputs and outputs must be open, and must be the batch.",
       .min = 0,
       .max = slipway::resource::kLargestBatch},
      {.name = "max_queue_delay",
       .text = "How long a request may be held for others to share its run, while an instance is "
               "idle: 0 to 10s, 250us too. 0: it runs at once, with what waits.",
       .max = 32},
      {.name = "preferred_sizes",
       .text = "Batches of these sizes run without further delay.",
       .min = 0,
       .max = slipway::resource::kMostPreferredSizes},
      {.name = "priority_levels",
       .text = "Levels of the request parameter `priority`, of which 1 is served first; 0: it is "
               "not looked at.",
       .min = 0,
       .max = slipway::resource::kMostPriorityLevels},
      {.name = "default_priority",
       .text = "Level of requests that name none; 0: the middle one.",
       .min = 0,
       .max = slipway::resource::kMostPriorityLevels},
      {.name = "max_queue_size",
       .text = "Requests that wait; the next is answered 503. 0: 1024.",
       .min = 0,
       .max = slipway::resource::kLongestQueue},
      {.name = "queue_timeout",
       .text = "How long a request may wait before timeoutAction; 0: as long as it may take at "
               "all.",
       .max = 32},
      {.name = "timeout_action",
       .text = "What happens to a request that waited too long: it is answered 503, or it waits on "
               "behind all of its priority that did not."},
      {.name = "allow_timeout_override", .text = "Whether the request parameter `timeout` counts."},
  };
};
