// Backoff: pauses that double, and start over after a time of peace.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace slipway::agent {

class Backoff {
 public:
  struct Options {
    std::chrono::milliseconds first{0};     // pause after the first failure
    std::chrono::milliseconds second{200};  // after the next one, doubled from then on
    std::chrono::milliseconds longest{10'000};
    std::chrono::milliseconds peace{60'000};  // without a failure, and it starts over
  };
  explicit Backoff(Options options) : options_(options) {}

  // The pause that follows a failure at `now`.
  std::chrono::milliseconds Failed(SteadyTime now) {
    if (failures_ > 0 && now - last_ >= options_.peace) failures_ = 0;
    last_ = now;
    ++failures_;
    if (failures_ == 1) return options_.first;
    int doublings = std::min(failures_ - 2, 20);
    return std::min(options_.second * (1 << doublings), options_.longest);
  }
  void Succeeded() { failures_ = 0; }

 private:
  Options options_;
  int failures_ = 0;
  SteadyTime last_;
};

}  // namespace slipway::agent
