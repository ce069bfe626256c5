// Named limits of the module runtime.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace slipway::runtime {

// serving.json: room for thousands of services.
inline constexpr uint64_t kMaxServingConfigBytes = 64 << 20;
inline constexpr size_t kMaxServingServices = 10'000;
inline constexpr size_t kMaxServingRevisions = 64;  // of one service
// How long one request may take where nobody says otherwise, and at most.
inline constexpr std::chrono::milliseconds kRequestTimeout{60'000};
inline constexpr std::chrono::milliseconds kMaxRequestTimeout{3'600'000};
inline constexpr size_t kMaxModelConfigBytes = 4 << 20;  // Triton's, of one revision
inline constexpr size_t kMaxProgramArguments = 64;
inline constexpr size_t kMaxProgramArgumentBytes = 4096;
inline constexpr size_t kMaxServingMounts = 16;  // models of one program
// How long a program may take to become ready where nobody says otherwise, and at most.
inline constexpr std::chrono::milliseconds kProgramStartTimeout{120'000};
inline constexpr std::chrono::milliseconds kMaxProgramStartTimeout{900'000};
inline constexpr size_t kMaxServingKeys = 10'000;  // of one service

// The channel: longer texts than the first travel in a memory file beside the packet.
inline constexpr size_t kMaxInlineMessageBytes = 32 << 10;
inline constexpr size_t kMaxMessageBytes = 16 << 20;
inline constexpr size_t kMaxMessageDescriptors = 16;
inline constexpr std::chrono::seconds kChannelSendTimeout{5};
inline constexpr int kChannelBacklog = 16;

inline constexpr size_t kMaxInheritedListeners = 16;
// How long a serve that starts alone lets connections wait for its models.
inline constexpr std::chrono::milliseconds kListenWait{3'000};
inline constexpr size_t kMaxWorkloadDescriptors = 16;
// How long a new workload may take from its fork to its exec.
inline constexpr std::chrono::seconds kSpawnTimeout{10};

}  // namespace slipway::runtime
