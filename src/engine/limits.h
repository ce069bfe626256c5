// Limits of the engines.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace slipway::engine {

// Runs that wait for an engine thread, for one model; above it callers are told to come back.
inline constexpr size_t kMaxQueuedRuns = 1024;
// Threads for runs, of all models together.
inline constexpr size_t kMaxEngineThreads = 256;
// A run that goes on for so long after its time was over has hung.
inline constexpr std::chrono::milliseconds kHungRun{10'000};
// How many of those who wait are looked at for a shared run.
inline constexpr size_t kMaxLookAhead = 512;
// Memory of a shared run that stays for the next one, for each of its tensors; and how many such
// sets a model keeps.
inline constexpr size_t kKeepSharedBytes = 8 << 20;
inline constexpr size_t kKeepShared = 4;
// Sizes of shared runs of which a model keeps account.
inline constexpr size_t kMaxBatchStats = 256;
// Warm-up: this many runs, or fewer when they have taken this long.
inline constexpr int kWarmUpRuns = 8;
inline constexpr std::chrono::milliseconds kWarmUpTime{1'000};
// After a run that took so long the next would teach nothing that matters.
inline constexpr std::chrono::milliseconds kLongWarmUpRun{50};
// How often a run that waits for its model looks whether anybody still waits for the run.
inline constexpr std::chrono::milliseconds kCancelCheck{20};
// Niceness of threads that load and warm up while others serve.
inline constexpr int kLoadNiceness = 10;
// A run is worth doing on the core that received the request when it takes less than a hop to
// another thread and back would.
inline constexpr std::chrono::nanoseconds kInlineCost{30'000};
// Elements of a warm-up input: larger signatures are not warmed up.
inline constexpr uint64_t kMaxWarmUpElements = uint64_t{1} << 28;

}  // namespace slipway::engine
