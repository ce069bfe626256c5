// Spawn: one child that is held before its exec until it is let go.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "base/result.h"
#include "runtime/driver.h"

namespace slipway::runtime {

// A child between fork and exec. Destroyed without LetGo, and when this process dies, it ends
// without having run anything.
class HeldProcess {
 public:
  // The child has its own session, default signal dispositions, no standard input, its log as
  // standard output and error, the descriptors of the spec at 3, 4, ..., and nothing else open.
  static Result<HeldProcess> Fork(const WorkloadSpec& spec, const std::string& mark);
  HeldProcess(HeldProcess&&) noexcept = default;
  HeldProcess& operator=(HeldProcess&&) = delete;
  ~HeldProcess();

  pid_t pid() const { return pid_; }
  // Returns once the program runs, with a pidfd of it. On failure the child is gone and reaped.
  Result<Descriptor> LetGo() &&;

 private:
  HeldProcess(Descriptor process, pid_t pid, Descriptor gate, std::string program);
  void End();

  Descriptor process_;
  pid_t pid_;
  Descriptor gate_;
  std::string program_;
};

}  // namespace slipway::runtime
