// How many seeds a crash suite runs, and what it tells of them.
#pragma once

#include <cstdint>
#include <string>

namespace slipway {

// `release` in a plain build, a twentieth under a sanitizer; SLIPWAY_CRASH_SEEDS=N runs N
// everywhere, SLIPWAY_CRASH_SEED=S only the seed S.
struct CrashSeeds {
  explicit CrashSeeds(uint64_t release);
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t count() const { return end - begin; }
};

// Prints a line, which tools/test.py shows also of a test that passes. One of each test.
void ReportSummary(const std::string& line);

}  // namespace slipway
