// Interruption: a task is asked to end by another one, from any thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/any_io_executor.hpp>

#include "async/task.h"
#include "base/result.h"

namespace slipway {

// `executor` is single-threaded, and that of the task.
class Interruption {
 public:
  explicit Interruption(asio::any_io_executor executor);

  // From any thread. What runs below is cancelled, now or when it begins.
  void Ask();
  bool asked() const;

  // By the task, one after the other: returns when the work has ended. Work that ended with a value
  // keeps it.
  template <class T>
  Task<Result<T>> Run(Task<Result<T>> work) {
    auto out = std::make_shared<std::optional<Result<T>>>();
    co_await RunErased(Store<T>(std::move(work), out));
    co_return std::move(**out);
  }

 private:
  struct State {
    explicit State(asio::any_io_executor core);
    asio::any_io_executor executor;
    std::atomic<bool> asked = false;
    std::function<bool()> cancel;  // on the executor only
  };
  template <class T>
  static Task<void> Store(Task<Result<T>> work, std::shared_ptr<std::optional<Result<T>>> out) {
    out->emplace(co_await std::move(work));
  }
  Task<void> RunErased(Task<void> work);

  std::shared_ptr<State> state_;
};

}  // namespace slipway
