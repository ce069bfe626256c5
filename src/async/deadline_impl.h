// The parts of deadline.h that are templates; include that one.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "async/task.h"
#include "base/result.h"

namespace slipway::deadline_impl {

// Runs `work` on the caller's executor and cancels it at the deadline, or with the caller. Returns
// when it has ended: true if the deadline passed first.
Task<bool> RunUntil(std::chrono::steady_clock::time_point deadline, Task<void> work);

Error DeadlineError();

template <class T>
Task<void> Store(Task<Result<T>> work, std::shared_ptr<std::optional<Result<T>>> out) {
  out->emplace(co_await std::move(work));
}

}  // namespace slipway::deadline_impl

namespace slipway {

template <class T>
Task<Result<T>> WithDeadline(std::chrono::steady_clock::time_point deadline, Task<Result<T>> work) {
  if (deadline == std::chrono::steady_clock::time_point::max()) co_return co_await std::move(work);
  auto out = std::make_shared<std::optional<Result<T>>>();
  const bool expired =
      co_await deadline_impl::RunUntil(deadline, deadline_impl::Store<T>(std::move(work), out));
  if (expired && !(*out)->has_value()) co_return deadline_impl::DeadlineError();
  co_return std::move(**out);
}

}  // namespace slipway
