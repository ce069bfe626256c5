// How many seeds a crash suite runs.
#pragma once

#include <cstdint>

namespace slipway {

// `release` in a plain build, a twentieth under a sanitizer; SLIPWAY_CRASH_SEEDS=N runs N
// everywhere, SLIPWAY_CRASH_SEED=S only the seed S.
struct CrashSeeds {
  explicit CrashSeeds(uint64_t release);
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t count() const { return end - begin; }
};

}  // namespace slipway
