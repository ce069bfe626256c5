// The process of a program, seen from the worker that started it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/worker/confine.h"

namespace slipway::engine::program {

// A port of loopback that nobody listens on. UNAVAILABLE / PROGRAM_PORT.
Result<uint16_t> FindPort();

// One for a process: it is of the process group of its parent, so that who ends that group ends it
// and what it started.
class Child {
 public:
  // Runs `command` in `folder`, confined. Only what it has found in the environment and the log's
  // descriptors are passed on. FAILED_PRECONDITION / PROGRAM_MISSING where it cannot be run.
  static Result<pid_t> Start(const std::vector<std::string>& command, const std::string& folder,
                             const worker::Reach& reach);
  // How it ended, if it did: "exited with code 3". It is not reaped.
  static std::string Ended(pid_t pid);
  // Waits for that, at most so long.
  static std::string EndedWithin(pid_t pid, std::chrono::milliseconds time);
  // Waits for that, and meanwhile for the ends of those that it left to this process.
  static void AwaitEnd(pid_t pid);
  // Waits for that, and ends this process in the same way.
  [[noreturn]] static void FollowToItsEnd(pid_t pid);
  // Asks it to end, and waits a moment for that.
  static void AskToEnd(pid_t pid);
};

}  // namespace slipway::engine::program
