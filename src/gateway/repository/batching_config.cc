#include "gateway/repository/batching_config.h"

#include <algorithm>
#include <string_view>

#include <nlohmann/json.hpp>

namespace slipway::gateway {
namespace {

// The limits of runtime::BatchingSettings.
constexpr uint64_t kMostRows = 65'536;
constexpr uint64_t kMostDelayUs = 10'000'000;
constexpr uint64_t kMostTimeoutUs = 3'600'000'000;
constexpr uint64_t kMostLevels = 64;
constexpr uint64_t kMostWaiting = 65'536;
constexpr size_t kMostSizes = 64;

// A number that is not negative, as schema.h has seen to; 0 where it is missing.
uint64_t Number(const Json& object, std::string_view name, uint64_t most) {
  const auto found = object.find(name);
  if (found == object.end()) return 0;
  if (found->is_number_unsigned()) return std::min(found->get<uint64_t>(), most);
  return std::min(static_cast<uint64_t>(std::max<int64_t>(found->get<int64_t>(), 0)), most);
}

void AddSizes(const Json& batching, runtime::BatchingSettings& out) {
  for (const Json& size : batching.value("preferred_batch_size", Json::array())) {
    const int64_t rows = size.get<int64_t>();
    if (rows < 1 || rows > out.max_batch_size || out.preferred_sizes.size() == kMostSizes) continue;
    out.preferred_sizes.push_back(static_cast<int32_t>(rows));
  }
}

}  // namespace

std::optional<runtime::BatchingSettings> BatchingOf(const Json& config) {
  const auto batching = config.find("dynamic_batching");
  const uint64_t rows = Number(config, "max_batch_size", kMostRows);
  if (batching == config.end() || rows == 0) return std::nullopt;
  const Json policy = batching->value("default_queue_policy", Json::object());
  const uint64_t levels = Number(*batching, "priority_levels", kMostLevels);
  runtime::BatchingSettings out{
      .max_batch_size = static_cast<int32_t>(rows),
      .max_queue_delay_us =
          static_cast<int64_t>(Number(*batching, "max_queue_delay_microseconds", kMostDelayUs)),
      .priority_levels = static_cast<int32_t>(levels),
      .default_priority = static_cast<int32_t>(Number(*batching, "default_priority_level", levels)),
      .max_queue_size = static_cast<int32_t>(Number(policy, "max_queue_size", kMostWaiting)),
      .queue_timeout_us =
          static_cast<int64_t>(Number(policy, "default_timeout_microseconds", kMostTimeoutUs)),
      .timeout_action = policy.value("timeout_action", "REJECT") == "DELAY" ? "delay" : "reject",
      .allow_timeout_override = policy.value("allow_timeout_override", false)};
  AddSizes(*batching, out);
  return out;
}

std::vector<std::string> BatchingWithoutEffect(const Json& config) {
  std::vector<std::string> names;
  const auto batching = config.find("dynamic_batching");
  if (batching == config.end()) return names;
  for (const char* member : {"preserve_ordering", "priority_queue_policy"}) {
    const auto found = batching->find(member);
    if (found == batching->end() || found->empty() || *found == false) continue;
    names.emplace_back(std::string("dynamic_batching.") + member);
  }
  return names;
}

}  // namespace slipway::gateway
