#include "async/task_group.h"

#include <exception>
#include <mutex>
#include <unordered_set>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include "async/completion.h"
#include "base/check.h"

namespace slipway {
namespace {

// A task that runs. The signal is emitted on the task's executor only.
struct Running {
  explicit Running(asio::any_io_executor on) : executor(std::move(on)) {}
  asio::any_io_executor executor;
  asio::cancellation_signal signal;
};

Task<void> RunTask(std::function<Task<void>()> make) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await make();
}

}  // namespace

struct TaskGroup::State {
  explicit State(asio::any_io_executor on) : executor(std::move(on)) {}

  // Removes a task; the callbacks of who waits for the last one are called without the lock.
  void Remove(const std::shared_ptr<Running>& task) {
    std::vector<std::function<void()>> waiting;
    {
      std::lock_guard lock(mutex);
      tasks.erase(task);
      if (tasks.empty()) waiting.swap(waiters);
    }
    for (const auto& resume : waiting) resume();
  }

  // Calls `resume` once the group is empty; at once if it is.
  void WhenEmpty(std::function<void()> resume) {
    {
      std::lock_guard lock(mutex);
      if (!tasks.empty()) {
        waiters.push_back(std::move(resume));
        return;
      }
    }
    resume();
  }

  const asio::any_io_executor executor;
  mutable std::mutex mutex;
  bool stopping = false;
  std::unordered_set<std::shared_ptr<Running>> tasks;
  std::vector<std::function<void()>> waiters;
};

TaskGroup::TaskGroup(asio::any_io_executor executor)
    : state_(std::make_shared<State>(std::move(executor))) {}

TaskGroup::~TaskGroup() {
  CHECK_NOTE(size() == 0, "await Stop() before a TaskGroup is destroyed");
}

void TaskGroup::Start(std::function<Task<void>()> make) {
  StartOn(state_->executor, std::move(make));
}

void TaskGroup::StartOn(asio::any_io_executor executor, std::function<Task<void>()> make) {
  auto task = std::make_shared<Running>(std::move(executor));
  {
    std::lock_guard lock(state_->mutex);
    if (state_->stopping) return;
    state_->tasks.insert(task);
  }
  // Begun from the executor itself, so that the signal is touched by one thread alone.
  asio::post(task->executor, [state = state_, task, make = std::move(make)]() mutable {
    auto done = [state, task](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);  // out of the loop: ends the process
      state->Remove(task);
    };
    asio::co_spawn(task->executor, RunTask(std::move(make)),
                   asio::bind_cancellation_slot(task->signal.slot(), std::move(done)));
  });
}

Task<void> TaskGroup::Stop() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    for (const std::shared_ptr<Running>& task : state_->tasks) {
      asio::post(task->executor, [task] { task->signal.emit(asio::cancellation_type::terminal); });
    }
  }
  co_await Join();
}

Task<void> TaskGroup::Join() {
  const std::shared_ptr<State> state = state_;
  co_await AwaitDone([state](std::function<void()> done) { state->WhenEmpty(std::move(done)); });
}

size_t TaskGroup::size() const {
  std::lock_guard lock(state_->mutex);
  return state_->tasks.size();
}

}  // namespace slipway
