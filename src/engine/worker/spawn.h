// Starting a worker process, and its end.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor.h"
#include "base/result.h"

namespace slipway::engine::worker {

// The descriptor at which a worker finds its control socket.
inline constexpr int kControlDescriptor = 3;

// Before the settings of a program that the worker is to start.
inline constexpr std::string_view kProgramWord = "--program";

// A child of this process, in a session of its own. It is killed, with all that it started, and
// waited for when this goes. What it started becomes a child of this process when it ends, and is
// killed then, whatever session it went to.
class Child {
 public:
  // Runs `slipway worker` from this program's own file, with `arguments` behind it and the socket
  // at kControlDescriptor. It dies with the calling thread, which has to last as long as the child.
  static Result<Child> Start(const std::vector<std::string>& arguments, int control);
  Child(Child&&) noexcept = default;
  Child& operator=(Child&&) = delete;
  ~Child();

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }
  void Kill();
  // Waits for the end: "was killed by signal 9 (Killed)", "exited with code 1".
  std::string Reap();
  // Resident bytes that belong to no file: its own, and the segments that it shares.
  static int64_t ResidentBytes(pid_t pid);

 private:
  Child(pid_t pid, Descriptor pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  pid_t pid_;
  Descriptor pidfd_;  // gone once it was reaped
};

}  // namespace slipway::engine::worker
