// How old unfinished uploads are, on clocks that jump.
#pragma once

#include "base/clock.h"

namespace slipway::registry {

// The time up to which an upload that was not written since is expired. Uploads are dated by the
// wall clock, which may jump while they are alive: after a jump forward this one goes on from where
// it was, after a jump back it follows. So no upload expires before its time, and one that was
// dated by a clock in the future stays until that date, or until the program starts again.
class UploadAge {
 public:
  explicit UploadAge(Clock& clock)
      : clock_(clock), wall_begin_(clock.Wall()), steady_begin_(clock.Steady()) {}

  WallTime ExpiredBefore(std::chrono::milliseconds expiry) const;

 private:
  Clock& clock_;
  const WallTime wall_begin_;
  const SteadyTime steady_begin_;
};

}  // namespace slipway::registry
