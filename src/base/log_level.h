// The level of the log while the program runs.
#pragma once

#include "base/log.h"

namespace slipway {

// Lines below the level are not written. Thread-safe; until the next SetLog or SetLogLevel.
void SetLogLevel(LogLevel level);
LogLevel CurrentLogLevel();

}  // namespace slipway
