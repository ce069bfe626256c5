// Runs coroutines from plain test code.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include "async/task.h"

namespace slipway {

// Runs the task, and what it starts on its executor, on an io_context of its own; returns when it
// and all other work there has ended. The task's executor is single-threaded, as a core is.
void RunToEnd(Task<void> task);

namespace testing_impl {
template <class T>
Task<void> Keep(Task<T> task, std::optional<T>& out) {
  out.emplace(co_await std::move(task));
}
}  // namespace testing_impl

// The same, and returns the task's value.
template <class T>
T RunSync(Task<T> task) {
  if constexpr (std::is_void_v<T>) {
    RunToEnd(std::move(task));
  } else {
    std::optional<T> out;
    RunToEnd(testing_impl::Keep(std::move(task), out));
    return std::move(*out);
  }
}

}  // namespace slipway
