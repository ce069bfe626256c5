// Limits of what `slipway infer` sends and takes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace slipway::cli {

inline constexpr uint64_t kMaxRequestBytes = 64 << 20;  // what the data plane takes
inline constexpr uint64_t kMaxAnswerBytes = 1 << 30;
inline constexpr int64_t kDefaultBatchJobs = 4;
inline constexpr int64_t kMaxBatchJobs = 256;

}  // namespace slipway::cli
