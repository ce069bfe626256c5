// TaskGroup: the owner of started work. Nothing runs detached.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "async/task.h"

namespace slipway {

// Start may be called from any thread. Stop asks every task to end (asio terminal cancellation) and
// returns when all have; afterwards Start does nothing. The destructor CHECKs that the group is
// empty. An exception that leaves a task ends the process.
//
// Cancellation is a value, not an exception: what a task waits for at that moment ends early
// (SleepFor answers false, reads answer CANCELLED), and so does each of async's and net's waits
// that begins later. A task may still await its clean-up, and must leave its loop:
//
//   while (co_await SleepFor(1s)) { ... }
class TaskGroup {
 public:
  explicit TaskGroup(asio::any_io_executor executor);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // `make` is called on the group's executor and must own all it needs.
  void Start(std::function<Task<void>()> make);
  // On another executor than the group's own.
  void StartOn(asio::any_io_executor executor, std::function<Task<void>()> make);
  Task<void> Stop();
  // Returns when no task is left, and asks none to end. Others may be started meanwhile.
  Task<void> Join();
  size_t size() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace slipway
