// Clock: time as a dependency, so that a test can own it.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway {

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;
using SteadyTime = std::chrono::steady_clock::time_point;

// Thread-safe. Durations and deadlines use Steady(), which no clock jump moves; Wall() is for
// what people read and for expiry dates.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime Wall() = 0;
  virtual SteadyTime Steady() = 0;
};

Clock& SystemClock();

// Stands still until told.
class FakeClock final : public Clock {
 public:
  WallTime Wall() override { return WallTime(std::chrono::milliseconds(wall_ms_.load())); }
  SteadyTime Steady() override { return SteadyTime(std::chrono::milliseconds(steady_ms_.load())); }
  void Advance(std::chrono::milliseconds by) {
    wall_ms_ += by.count();
    steady_ms_ += by.count();
  }
  // A jump of the wall clock alone, forward or back.
  void JumpWall(std::chrono::milliseconds by) { wall_ms_ += by.count(); }

 private:
  std::atomic<int64_t> wall_ms_{1'700'000'000'000};
  std::atomic<int64_t> steady_ms_{1'000'000};
};

// RFC 3339 in UTC with milliseconds: 2026-11-22T10:00:00.123Z. Parsing takes any offset and any
// number of fraction digits (cut to milliseconds).
std::string FormatRfc3339(WallTime time);
Result<WallTime> ParseRfc3339(std::string_view text);

}  // namespace slipway
