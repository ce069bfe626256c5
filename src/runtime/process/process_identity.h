// Which process is which: number, start time and boot together name one process for ever.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor.h"
#include "base/result.h"

namespace slipway::runtime {

// What a handle's `id` says: "PID:START_TICKS:BOOT_ID:MARK".
struct ProcessIdentity {
  pid_t pid = 0;
  uint64_t start_ticks = 0;  // since boot: field 22 of /proc/PID/stat
  std::string boot_id;
  std::string mark;  // value of SLIPWAY_WORKLOAD in its environment and its children's

  std::string ToString() const;
  // INTERNAL / HANDLE_INVALID.
  static Result<ProcessIdentity> Parse(std::string_view text);
};

inline constexpr std::string_view kMarkVariable = "SLIPWAY_WORKLOAD";

// The fields of /proc/PID/stat that tell processes apart.
struct ProcessStat {
  char state = '?';  // 'Z' and 'X': dead; 'T' and 't': stopped by a signal or by a debugger
  uint64_t start_ticks = 0;
  bool alive() const { return state != 'Z' && state != 'X'; }
  bool held() const { return state == 'T' || state == 't'; }
};
// Nothing if there is no such process.
std::optional<ProcessStat> ReadProcessStat(pid_t pid);
// The mark that the process bears, "" for one without, or of another user.
std::string MarkOf(pid_t pid);
std::string ReadBootId();

// The process of this identity, running and not a zombie.
bool IsRunning(const ProcessIdentity& identity);
// Pidfds of all living processes that bear the mark: the process itself and what it started,
// whatever sessions and groups they made.
std::vector<Descriptor> ProcessesWithMark(const std::string& mark);

}  // namespace slipway::runtime
