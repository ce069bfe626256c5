// Completion: how a coroutine waits for a callback from another thread or library.
//
//   auto answer = co_await AwaitCompletion<int>([](Completion<int> done) {
//     StartSomething([done](int value) { done(value); });
//   });
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "async/task.h"

namespace slipway {

// Suspends the caller, then calls `start` with a function that resumes it on its own executor. That
// function must be called exactly once, from any thread, also from within `start`. `cancel`, if
// set, is called on the caller's executor when the caller is cancelled meanwhile (or was already);
// the resuming function must still be called.
Task<void> AwaitDone(std::function<void(std::function<void()> done)> start,
                     std::function<void()> cancel = nullptr);

// Called once, from any thread, with the value that the waiting coroutine gets. Copies are the same
// completion.
template <class T>
class Completion {
 public:
  Completion(std::shared_ptr<std::optional<T>> value, std::function<void()> done)
      : value_(std::move(value)), done_(std::move(done)) {}
  void operator()(T value) const {
    value_->emplace(std::move(value));
    done_();
  }

 private:
  std::shared_ptr<std::optional<T>> value_;
  std::function<void()> done_;
};

// The same with a value; `cancel` as above.
template <class T>
Task<T> AwaitCompletion(std::function<void(Completion<T> done)> start,
                        std::function<void()> cancel = nullptr) {
  auto value = std::make_shared<std::optional<T>>();
  co_await AwaitDone(
      [&value, &start](std::function<void()> done) {
        start(Completion<T>(value, std::move(done)));
      },
      std::move(cancel));
  co_return std::move(**value);
}

}  // namespace slipway
