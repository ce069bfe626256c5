// Reasons of errors that more than one part of the engines must know.
#pragma once

#include <string_view>

namespace slipway::engine {

// Of a run that got no memory, whatever it asked for: the engines say so where they can tell.
inline constexpr std::string_view kOutOfMemory = "OUT_OF_MEMORY";
// Of a load that ended because the warm-up run failed in a way that no input can mend, and of what
// LoadedModel::warm_up_failure() tells.
inline constexpr std::string_view kWarmUpFailed = "WARM_UP_FAILED";

}  // namespace slipway::engine
