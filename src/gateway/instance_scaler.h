// InstanceScaler: how many instances a revision is to have, by what was asked of it: a state
// machine without a clock or I/O.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <utility>

#include "runtime/scaling.h"

namespace slipway::gateway {

// What a revision has counted until a moment.
struct ScalingSample {
  uint64_t arrived = 0;     // requests, since the beginning
  uint64_t in_flight = 0;   // those of them that have no answer yet
  uint64_t waiting = 0;     // those of them that wait for a run
  uint64_t requests = 0;    // answered well, since the beginning
  uint64_t request_ns = 0;  // from arrival to answer, of all of these
};

// As a HorizontalPodAutoscaler counts: the instances with which each has the target, rounded up;
// nothing changes while the value is within a tenth of the target. More come once every look within
// the up window wanted more, and then the fewest of those; fewer once every look within the down
// window wanted fewer, and then the most of those. None at all are wanted only where no request
// came since the last look.
class InstanceScaler {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // What was wanted before is kept where only windows and limits change.
  void Configure(const runtime::ScalingSettings& settings);
  // A look at the revision, which has `now_instances`: how many it is to have.
  size_t Look(Time now, const ScalingSample& sample, size_t now_instances);

 private:
  // Before windows; nothing where there is nothing to go by.
  std::optional<size_t> Wanted(Time now, const ScalingSample& sample, size_t now_instances) const;

  runtime::ScalingSettings settings_;
  std::deque<std::pair<Time, size_t>> wanted_;  // within the longer of the two windows
  std::optional<Time> began_;                   // of the first look
  std::optional<std::pair<Time, ScalingSample>> last_;
};

}  // namespace slipway::gateway
