// Limits of programs that are not ours.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace slipway::engine::program {

// Ports are taken from below those that the kernel gives to outgoing connections.
inline constexpr uint16_t kFirstPort = 20'000;
inline constexpr uint16_t kLastPort = 32'000;
inline constexpr int kPortAttempts = 64;
// Between two looks at whether a program is ready.
inline constexpr std::chrono::milliseconds kReadyTick{50};
// Of one question about readiness, metadata or life.
inline constexpr std::chrono::milliseconds kQuestionTime{5'000};
// How long a program that is ready may not know the model that it is asked for.
inline constexpr std::chrono::milliseconds kModelGrace{3'000};
// A program that does not answer this long that it lives, after a run whose time was over, hangs.
inline constexpr std::chrono::milliseconds kLifeTime{10'000};
// Between the request to end and the end by force.
inline constexpr std::chrono::milliseconds kProgramEndGrace{1'500};

inline constexpr uint64_t kMaxMetadataBytes = 1 << 20;
inline constexpr uint64_t kMaxAnswerBytes = uint64_t{2} << 30;
inline constexpr size_t kMaxJsonAnswerBytes = 256 << 20;
inline constexpr size_t kMaxJsonValues = 64'000'000;
// Answers of a program that speaks HTTP are passed on whole up to this size, larger ones and those
// without a length in parts, as they come.
inline constexpr uint64_t kMaxAnswerAtOnce = 256 << 10;
// Of a program's own words in an error.
inline constexpr size_t kMaxErrorText = 1024;

}  // namespace slipway::engine::program
