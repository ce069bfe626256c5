// The wish of the user, or of whoever started this program, that it ends.
#pragma once

#include "base/result.h"

namespace slipway::server {

// Between construction and destruction SIGINT and SIGTERM do not end the process, SIGPIPE is
// ignored. One object at a time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Blocks until one came, now or before; returns its number.
  int Wait();
  // From now on the stop has so long; then the process says so and ends with exit code 1.
  void EndAfter(unsigned seconds);
  // Lets Wait return, as if SIGTERM had come: for a part that cannot go on.
  static void Raise();
};

}  // namespace slipway::server
