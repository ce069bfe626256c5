// Deadlines and pauses for coroutines (Boost 1.81 has no cancel_after).
#pragma once

#include <chrono>

#include "async/task.h"
#include "base/result.h"

namespace slipway {

// DEADLINE_EXCEEDED / DEADLINE if `work` has not ended by then; it is cancelled and awaited first.
// Work that ends with a value in spite of that keeps it: it was done. Runs on the caller's
// executor, which must be single-threaded (a core).
template <class T>
Task<Result<T>> WithDeadline(std::chrono::steady_clock::time_point deadline, Task<Result<T>> work);

// false if it was cancelled before the time was over.
Task<bool> SleepFor(std::chrono::milliseconds duration);

// Whether the running task was asked to end: for loops that wait for nothing.
Task<bool> IsCancelled();

}  // namespace slipway

#include "async/deadline_impl.h"  // IWYU pragma: export
