// BlockingPool: threads for files, SQLite and other calls that block.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

#include <boost/asio/any_io_executor.hpp>

#include "async/task.h"
#include "base/result.h"

namespace slipway {

class BlockingPool {
 public:
  // First come, first served. Each caller waits for its own work, so the queue is never longer than
  // there are callers; who bounds those (connections, tasks) bounds it.
  explicit BlockingPool(size_t threads);
  // Finishes what is queued, joins. Before the executors of its callers are destroyed: declare it
  // after their CorePool.
  ~BlockingPool();

  // Runs `work` (which returns Result<T>, and owns what it uses) on a pool thread and resumes the
  // caller on its own executor. Work that has begun is finished even if the caller is cancelled;
  // the caller is resumed only then, so references in `work` to the caller's frame stay valid.
  template <class F>
  Task<std::invoke_result_t<F>> Run(F work) {
    std::optional<std::invoke_result_t<F>> out;
    co_await RunErased([&out, &work] { out.emplace(work()); });
    co_return std::move(*out);
  }

 private:
  Task<void> RunErased(std::function<void()> work);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway
