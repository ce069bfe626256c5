// Named limits of the module agent.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace slipway::agent {

// Revisions that are fetched and unpacked at the same time.
inline constexpr size_t kPreparers = 2;
inline constexpr uint64_t kMaxManifestBytes = 8 << 20;
// A revision during whose loading serve crashed so often is tried again after a pause only, which
// doubles with each further crash.
inline constexpr int kMaxLoadCrashes = 2;
inline constexpr std::chrono::minutes kFirstLoadPause{1};
inline constexpr std::chrono::minutes kLongestLoadPause{60};
// A revision that is to blame for so many ends of serve within this time gets its own process.
inline constexpr size_t kMaxBlames = 2;
inline constexpr std::chrono::minutes kBlameWindow{10};
// So many ends without a word from serve, and every revision is under suspicion again.
inline constexpr int kMaxSilentCrashes = 3;
// A report goes out at least this often: the site's heartbeat.
inline constexpr std::chrono::seconds kReportInterval{10};
// How long a serve that replaces another one may load before it accepts connections.
inline constexpr std::chrono::minutes kLongestLoad{10};
// After a successor that could not load what is served, the next try.
inline constexpr std::chrono::minutes kHandOverPause{10};
// How often a data plane that is to take another's place is looked at.
inline constexpr std::chrono::milliseconds kRetirePoll{50};
// How long it may take from a connection to its first word, before the connection is tried again.
inline constexpr std::chrono::seconds kFirstWordTimeout{1};
// How often the socket of a serve that starts is tried.
inline constexpr std::chrono::milliseconds kConnectPause{10};
// How often a running serve is asked whether it answers, where its limit allows for it.
inline constexpr std::chrono::milliseconds kAskInterval{1'000};
inline constexpr std::chrono::milliseconds kShortestAskInterval{10};
// How often the folder of unpacked models is looked at.
inline constexpr std::chrono::minutes kSweepInterval{10};
// Longer logs are moved aside when serve starts.
inline constexpr uint64_t kMaxLogBytes = 64 << 20;

}  // namespace slipway::agent
