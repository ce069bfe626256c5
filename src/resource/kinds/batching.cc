#include "resource/kinds/batching.h"

#include <charconv>

#include "base/format_check.h"

namespace slipway::resource {
namespace {

Error Wrong(const std::string& field, const std::string& what) {
  return InvalidArgument("FIELD_RANGE", field + ": " + what).With("field", field);
}

Result<void> CheckDuration(const std::string& text, std::chrono::microseconds most,
                           const std::string& field) {
  const auto duration = ParseFineDuration(text);
  if (!duration) return duration.error().Prefixed(field + ": ").With("field", field);
  if (*duration <= most) return {};
  return Wrong(field,
               "0 to " + std::to_string(most.count() / 1'000'000) + "s, got " + Quoted(text));
}

}  // namespace

Result<std::chrono::microseconds> ParseFineDuration(std::string_view text) {
  if (text.ends_with("us")) {
    const char* const end = text.data() + text.size() - 2;
    uint64_t number = 0;
    const auto [after, status] = std::from_chars(text.data(), end, number);
    constexpr uint64_t kMost = uint64_t{1} << 50;
    if (status == std::errc() && after == end && number <= kMost) {
      return std::chrono::microseconds(number);
    }
  }
  TRY(duration, ParseDuration(text));
  return std::chrono::microseconds(duration);
}

Result<void> CheckBatching(const BatchingSettings& settings, const std::string& at) {
  TRY_VOID(CheckDuration(settings.max_queue_delay, kLongestQueueDelay, at + ".maxQueueDelay"));
  TRY_VOID(CheckDuration(settings.queue_timeout, kLongestQueueTimeout, at + ".queueTimeout"));
  for (size_t i = 0; i < settings.preferred_sizes.size(); ++i) {
    const int32_t size = settings.preferred_sizes[i];
    if (size >= 1 && size <= settings.max_batch_size) continue;
    return Wrong(at + ".preferredSizes[" + std::to_string(i) + "]",
                 "1 to maxBatchSize, which is " + std::to_string(settings.max_batch_size) +
                     ", got " + std::to_string(size));
  }
  if (settings.max_batch_size < 2 && ParseFineDuration(settings.max_queue_delay)->count() > 0) {
    return Wrong(at + ".maxQueueDelay",
                 "there is nothing to wait for without a maxBatchSize of 2 or more");
  }
  if (settings.default_priority > settings.priority_levels) {
    return Wrong(at + ".defaultPriority", "0 to priorityLevels, which is " +
                                              std::to_string(settings.priority_levels) + ", got " +
                                              std::to_string(settings.default_priority));
  }
  return {};
}

}  // namespace slipway::resource
