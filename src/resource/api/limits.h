// Limits of the REST API.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace slipway::resource {

inline constexpr uint64_t kMaxRequestBytes = 1 << 20;
// A watch without news sends a comment this often, so that both ends notice a dead connection.
inline constexpr std::chrono::milliseconds kWatchHeartbeat{15'000};
// A merge patch without If-Match is tried again this often when others write at the same time.
inline constexpr int kMaxPatchAttempts = 8;

}  // namespace slipway::resource
