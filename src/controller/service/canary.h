// The next state of a service's canary: a pure function of what is asked for, what is there and
// what was measured.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "controller/service/canary_window.h"
#include "controller/service/plan.h"

namespace slipway::controller {

// A canary in progress is written at least this often: what a crash of the control centre may lose
// of the figures, where the data plane starts anew at the same time.
inline constexpr std::chrono::seconds kCanaryWriteInterval{10};
// Longer times between two looks are not watched ones: nobody was there.
inline constexpr std::chrono::seconds kLongestCanaryGap{15};

struct CanaryPlan {
  resource::CanaryStatus status;
  // How the present step goes; empty outside of one. Never the only place of anything.
  std::string progress;
};

struct CanaryInput {
  const Service& service;                  // has a spec.canary
  const std::vector<Revision>& revisions;  // oldest first
  int64_t latest = 0;                      // the number of the newest, which may not be made yet
  int64_t ready = 0;                       // what would have the traffic without a canary
  const FiguresByUid& figures;             // of this moment; without those of a revision: unknown
  WallTime now;
};

// Begins, goes on, promotes or rolls back. While nothing is decided, and the last state was written
// less than kCanaryWriteInterval ago, that is what it answers, so that there is nothing to write.
CanaryPlan PlanCanary(const CanaryInput& input);

// The condition `Canary`: True when the newest revision has all, False when it was rolled back,
// Unknown in between.
resource::Condition CanaryCondition(const resource::CanaryStatus& canary);

}  // namespace slipway::controller
