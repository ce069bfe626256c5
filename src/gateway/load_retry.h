// LoadRetry: whether and when a load that failed is tried again. Pure decision logic.
#pragma once

#include <optional>

#include "base/clock.h"
#include "base/error.h"

namespace slipway::gateway {

// Whether the same model may load another time although nobody changes it: memory that others hold
// is given back, a file comes. A model that is wrong stays so.
bool MayPass(const Error& error);

// Of one revision.
class LoadRetry {
 public:
  // It failed at `now`; when it is to be tried again, nothing: never. The pause doubles with each
  // failure. What most likely is the model's own fault is tried kMaxLoadsAtFault times.
  std::optional<SteadyTime> Failed(const Error& error, SteadyTime now);

 private:
  int failures_ = 0;
  int at_fault_ = 0;
};

}  // namespace slipway::gateway
