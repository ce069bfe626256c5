// Waiting for file descriptors that somebody else owns: pidfds, unix sockets, pipes.
#pragma once

#include "async/task.h"
#include "base/result.h"

namespace slipway {

// Returns when `descriptor` is readable, or at its end. The caller keeps it open meanwhile, and no
// other wait for it runs on the same core. CANCELLED / WAIT_CANCELLED.
Task<Result<void>> WaitReadable(int descriptor);
// The same until it takes bytes.
Task<Result<void>> WaitWritable(int descriptor);

}  // namespace slipway
