// What the code of a model may reach, where it is not ours.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace slipway::engine::worker {

// What it may reach beside the files of the system, which it reads and runs.
struct Reach {
  std::vector<std::string> readable;  // folders; those that are not there are passed over
  std::vector<std::string> writable;  // too
  std::vector<std::string> bare;      // where it lists, makes and removes folders alone
  uint16_t port = 0;                  // of TCP that it listens on and connects to; 0: none
};

// From now on this process and what it becomes reach no more than that, write no other file, and
// signal nobody outside (Landlock). For good. FAILED_PRECONDITION / WORKER_UNCONFINED where the
// kernel cannot; SLIPWAY_UNCONFINED=1 in the environment lets it be.
Result<void> Confine(const Reach& reach);

}  // namespace slipway::engine::worker
