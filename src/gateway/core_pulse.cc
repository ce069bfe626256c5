#include "gateway/core_pulse.h"

#include <boost/asio/post.hpp>

namespace slipway::gateway {

CorePulse::CorePulse(CorePool& cores) : cores_(cores) {
  for (size_t i = 0; i < cores_.size(); ++i) answered_.push_back(std::make_shared<Answered>(true));
}

std::vector<size_t> CorePulse::Ask() {
  std::vector<size_t> silent;
  for (size_t i = 0; i < answered_.size(); ++i) {
    if (!answered_[i]->exchange(false)) {
      // It has its question already: one is enough.
      silent.push_back(i);
      continue;
    }
    asio::post(cores_.context(i), [answered = answered_[i]] { *answered = true; });
  }
  return silent;
}

}  // namespace slipway::gateway
