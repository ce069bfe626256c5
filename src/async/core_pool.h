// CorePool: one single-threaded io_context per core. A connection stays on its core.
#pragma once

#include <cstddef>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>

#include "async/task.h"

namespace slipway {

class CorePool {
 public:
  // Threads start at once and run until Stop. 0: as many as the cgroup's CPU quota and affinity
  // allow (see AvailableCores).
  explicit CorePool(size_t cores);
  ~CorePool();  // stops

  size_t size() const;
  asio::io_context& context(size_t core);
  asio::any_io_executor executor(size_t core);
  // Number of the calling thread's core, or size() on a foreign thread.
  size_t current() const;
  // Ends the loops and joins the threads; call from outside of them, once all TaskGroups stopped.
  void Stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// min(affinity mask, cgroup v1 or v2 CPU quota rounded up), at least 1.
size_t AvailableCores();

}  // namespace slipway
