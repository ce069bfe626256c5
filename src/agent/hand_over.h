// HandOver: whether a data plane may take the place of another one. Pure decision logic.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/serving_channel.h"

namespace slipway::agent {

enum class Readiness : uint8_t {
  kLoading,
  kReady,   // it has all that the other one serves
  kCannot,  // it says that it cannot load what the other one serves
};
struct Verdict {
  Readiness readiness = Readiness::kLoading;
  // Of the revision that it cannot load.
  std::string uid = {};
  std::string reason = {};
  std::string message = {};
};

// What `next` is to do for what `current` serves; what that does not serve counts for nothing.
Verdict JudgeSuccessor(const runtime::ServingStatus& current, const runtime::ServingStatus& next);

}  // namespace slipway::agent
