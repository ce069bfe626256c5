// Limits of workers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace slipway::engine::worker {

// A packet of the protocol; the signature of a model must fit into one.
inline constexpr size_t kMaxFrameBytes = 128 << 10;
inline constexpr size_t kMaxTensors = 1024;  // of one direction
inline constexpr size_t kMaxFrameDescriptors = 2;
// What the outputs of one run may take, as far as the worker is believed.
inline constexpr uint64_t kMaxSegmentBytes = uint64_t{16} << 30;
// A segment of a session that is larger than this goes when its run is over.
inline constexpr uint64_t kKeepSegmentBytes = 16 << 20;
inline constexpr uint64_t kSmallestSegmentBytes = 64 << 10;
// Tensors begin at multiples of this in a segment.
inline constexpr uint64_t kSegmentAlignment = 64;

// How long a model may take to load.
inline constexpr std::chrono::seconds kLoadTime{900};
// How long a run may go on after its time is over before its session is given up, and how long that
// run may go on then before its worker is ended.
inline constexpr std::chrono::milliseconds kRunGrace{200};
inline constexpr std::chrono::milliseconds kHungGrace{10'000};
// Runs that were given up and have no end yet: with more the worker is ended at once.
inline constexpr size_t kMaxGivenUp = 16;
// Between the end of a worker and the next: doubled each time it ends, until it has lasted.
inline constexpr std::chrono::milliseconds kFirstBackoff{50};
inline constexpr std::chrono::milliseconds kLongestBackoff{30'000};
inline constexpr std::chrono::milliseconds kLasted{60'000};
// For a worker that is asked to end.
inline constexpr std::chrono::milliseconds kEndGrace{2'000};

}  // namespace slipway::engine::worker
