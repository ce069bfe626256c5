#include "runtime/driver.h"

#include <cstring>

namespace slipway::runtime {

std::string WorkloadExit::ToString() const {
  if (exit_code.has_value()) return "exited with code " + std::to_string(*exit_code);
  if (by_signal.has_value()) {
    const char* meaning = sigdescr_np(*by_signal);  // nothing for real-time signals
    return "was killed by signal " + std::to_string(*by_signal) +
           (meaning != nullptr ? " (" + std::string(meaning) + ")" : "");
  }
  return "ended";
}

}  // namespace slipway::runtime
