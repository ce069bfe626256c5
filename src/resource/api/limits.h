// Limits of the REST API.
#pragma once

#include <chrono>
#include <cstddef>

namespace slipway::resource {

// A watch without news sends a comment this often, so that both ends notice a dead connection.
inline constexpr std::chrono::milliseconds kWatchHeartbeat{15'000};
// A watch looks this often whether its token still holds.
inline constexpr std::chrono::milliseconds kWatchRecheck{1'000};
// Paths that an answer names as changed.
inline constexpr size_t kMaxChangedFields = 50;

}  // namespace slipway::resource
