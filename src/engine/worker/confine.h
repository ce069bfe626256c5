// What the code of a model may reach, where it is not ours.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace slipway::engine::worker {

// From now on this process and what it becomes read and run the files of the system and of
// `folders`, and write none; they open no TCP connection and no port, and signal nobody outside
// (Landlock). For good. Folders that are not there are passed over. FAILED_PRECONDITION /
// WORKER_UNCONFINED where the kernel cannot; SLIPWAY_UNCONFINED=1 in the environment lets it be.
Result<void> Confine(const std::vector<std::string>& folders);

}  // namespace slipway::engine::worker
