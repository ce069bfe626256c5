#include "gateway/instance_scaler.h"

#include <algorithm>
#include <cmath>

namespace slipway::gateway {
namespace {

using std::chrono::milliseconds;

constexpr double kTolerance = 0.1 + 1e-9;  // a tenth is within it

size_t Rounded(double instances) {
  constexpr double kMost = 1e6;  // limits come later
  return static_cast<size_t>(std::ceil(std::clamp(instances, 0.0, kMost)));
}

// Of `total` that instances share.
size_t Shared(double total, double target, size_t now_instances) {
  const double each = total / static_cast<double>(std::max<size_t>(now_instances, 1));
  if (std::abs(each / target - 1) <= kTolerance) return now_instances;
  return Rounded(total / target);
}

}  // namespace

void InstanceScaler::Configure(const runtime::ScalingSettings& settings) {
  if (settings.metric != settings_.metric || settings.target != settings_.target) {
    wanted_.clear();
    began_.reset();
  }
  settings_ = settings;
}

std::optional<size_t> InstanceScaler::Wanted(Time now, const ScalingSample& sample,
                                             size_t now_instances) const {
  if (settings_.metric == "concurrency") {
    return Shared(static_cast<double>(sample.in_flight), settings_.target, now_instances);
  }
  if (settings_.metric == "queue") {
    return Shared(static_cast<double>(sample.waiting), settings_.target, now_instances);
  }
  if (!last_ || now <= last_->first) return std::nullopt;
  const auto requests = static_cast<double>(sample.requests - last_->second.requests);
  if (settings_.metric == "rate") {
    const double seconds = std::chrono::duration<double>(now - last_->first).count();
    return Shared(requests / seconds, settings_.target, now_instances);
  }
  // Without requests nobody waits.
  if (requests == 0) return sample.in_flight == 0 ? 0 : now_instances;
  const double mean_ms =
      static_cast<double>(sample.request_ns - last_->second.request_ns) / requests / 1e6;
  const double ratio = mean_ms / settings_.target;
  if (std::abs(ratio - 1) <= kTolerance) return now_instances;
  return Rounded(static_cast<double>(now_instances) * ratio);
}

size_t InstanceScaler::Look(Time now, const ScalingSample& sample, size_t now_instances) {
  const auto most = static_cast<size_t>(std::max(settings_.max_instances, 1));
  const auto fewest = std::min(static_cast<size_t>(std::max(settings_.min_instances, 0)), most);
  std::optional<size_t> wanted = Wanted(now, sample, now_instances);
  const bool is_idle = sample.in_flight == 0 && last_ && sample.arrived == last_->second.arrived;
  if (!is_idle && wanted) wanted = std::max<size_t>(*wanted, 1);
  last_ = {now, sample};
  if (!wanted) return std::clamp(now_instances, fewest, most);
  if (!began_) began_ = now;
  wanted_.emplace_back(now, std::clamp(*wanted, fewest, most));
  const milliseconds up(settings_.up_window_ms);
  const milliseconds down(settings_.down_window_ms);
  while (now - wanted_.front().first > std::max(up, down)) wanted_.pop_front();
  size_t least_lately = most;
  size_t most_lately = fewest;
  for (const auto& [time, count] : wanted_) {
    if (now - time <= up) least_lately = std::min(least_lately, count);
    if (now - time <= down) most_lately = std::max(most_lately, count);
  }
  size_t next = now_instances;
  // A window that has not passed yet says nothing.
  if (now - *began_ >= up) next = std::max(next, least_lately);
  if (now - *began_ >= down) next = std::min(next, std::max(most_lately, least_lately));
  return std::clamp(next, fewest, most);
}

}  // namespace slipway::gateway
