// RunCancellable: what deadlines and interruptions are made of.
#pragma once

#include <functional>

#include "async/task.h"

namespace slipway {

// Runs `work` on the caller's executor, which is single-threaded, and returns when it has ended. It
// is cancelled with its caller, or by the function that `arm` is given: to be called on that
// executor, from the first await of `work` on; false if the work has ended already.
Task<void> RunCancellable(Task<void> work, std::function<void(std::function<bool()> cancel)> arm);

}  // namespace slipway
