// Limits of async.
#pragma once

#include <cstddef>

namespace slipway {

// More threads than this in one pool are a mistake in a setting.
inline constexpr size_t kMaxPoolThreads = 1024;

}  // namespace slipway
