// Guarded<T>: data that can be reached only under its lock.
#pragma once

#include <mutex>
#include <utility>

namespace slipway {

template <class T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}

  // Calls `use(T&)` with the lock held and returns what it returns. Never await inside.
  template <class F>
  decltype(auto) With(F&& use) {
    std::lock_guard lock(mutex_);
    return std::forward<F>(use)(value_);
  }
  template <class F>
  decltype(auto) With(F&& use) const {
    std::lock_guard lock(mutex_);
    return std::forward<F>(use)(value_);
  }

 private:
  mutable std::mutex mutex_;
  T value_;
};

}  // namespace slipway
