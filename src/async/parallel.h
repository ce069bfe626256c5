// ForEachInParallel: blocking work on several threads at once, for programs without an event loop.
#pragma once

#include <cstddef>
#include <functional>

#include "base/result.h"

namespace slipway {

// Calls work(index, worker) once for each index below `count`, in order, on at most `workers`
// threads at a time; worker 0 is the caller's. Calls with one `worker` do not overlap. After an
// error no more begin, and the first one is the answer. Returns when every call has returned.
Result<void> ForEachInParallel(
    size_t count, size_t workers,
    const std::function<Result<void>(size_t index, size_t worker)>& work);

}  // namespace slipway
