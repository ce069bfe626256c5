#include "runtime/driver.h"

#include <cstring>

namespace slipway::runtime {

std::string WorkloadExit::ToString() const {
  if (exit_code.has_value()) return "exited with code " + std::to_string(*exit_code);
  if (by_signal.has_value()) {
    return "was killed by signal " + std::to_string(*by_signal) + " (" + strsignal(*by_signal) +
           ")";
  }
  return "ended";
}

}  // namespace slipway::runtime
