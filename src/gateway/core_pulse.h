// CorePulse: finds cores that do not come round to their work.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "async/core_pool.h"

namespace slipway::gateway {

// Every connection belongs to one core, whose loop does what is posted to it between what its
// connections need: a core that has done what was posted serves, and one that has not does not,
// whatever the rest of the process says. A core in a run that it does itself comes round when the
// run is over or has been ended (InlineWatch), well before anybody asks again.
//
// Used by one thread that is no core's. May be destroyed while cores still have its questions.
class CorePulse {
 public:
  explicit CorePulse(CorePool& cores);

  // Puts a question to each core, and returns those that have not come round to the one that an
  // earlier call put to them.
  std::vector<size_t> Ask();

 private:
  using Answered = std::atomic<bool>;

  CorePool& cores_;
  std::vector<std::shared_ptr<Answered>> answered_;  // by core
};

}  // namespace slipway::gateway
