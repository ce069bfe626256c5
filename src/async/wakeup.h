// Wakeup: "there is something to do", said from any thread to one waiting task.
#pragma once

#include <chrono>
#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "async/task.h"

namespace slipway {

// One task waits at a time, on the executor given here (single-threaded). A Notify that nobody
// waits for is kept for the next wait; several are one.
class Wakeup {
 public:
  explicit Wakeup(asio::any_io_executor executor);
  ~Wakeup();  // nobody waits any more
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  void Notify();  // from any thread
  // true: notified; false: cancelled.
  Task<bool> Wait();
  // true: notified; false: the time is over, or cancelled.
  Task<bool> WaitFor(std::chrono::milliseconds duration);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace slipway
