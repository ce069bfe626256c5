// The worker's own side: `slipway worker`, which nobody calls by hand.
#pragma once

#include "base/result.h"

namespace slipway::engine::worker {

// `argv` begins at the verb: worker PARENT NAME [[--read FOLDER]... -- PROGRAM ARGUMENTS...], or
// worker PARENT NAME --program SETTINGS. Binds this process to its parent, gives up what it must
// not have, and becomes PROGRAM where there is one, confined; else serves the protocol at
// kControlDescriptor until that closes, with an engine, or with the program of SETTINGS
// (program/settings.h), which it starts.
// FAILED_PRECONDITION / WORKER_PARENT where nobody like that called it.
Result<void> RunWorker(int argc, const char* const* argv);

}  // namespace slipway::engine::worker
