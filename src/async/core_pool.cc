#include "async/core_pool.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>

#include "async/available_cores.h"
#include "async/limits.h"
#include "base/check.h"

namespace slipway {
namespace {

using WorkGuard = asio::executor_work_guard<asio::io_context::executor_type>;

// Which core of which pool the calling thread is.
struct CurrentCore {
  const void* pool = nullptr;
  size_t number = 0;
};
thread_local CurrentCore current_core;

struct Core {
  // The hint 1: one thread runs the loop, others only post to it.
  Core() : context(1), work(asio::make_work_guard(context)) {}
  asio::io_context context;
  WorkGuard work;
  std::thread thread;
};

}  // namespace

struct CorePool::State {
  std::vector<std::unique_ptr<Core>> cores;
};

CorePool::CorePool(size_t cores) : state_(std::make_unique<State>()) {
  if (cores == 0) cores = AvailableCores();
  CHECK(cores <= kMaxPoolThreads);
  for (size_t i = 0; i < cores; ++i) state_->cores.push_back(std::make_unique<Core>());
  for (size_t i = 0; i < cores; ++i) {
    Core* core = state_->cores[i].get();
    core->thread = std::thread([pool = state_.get(), core, i] {
      pthread_setname_np(pthread_self(), ("core-" + std::to_string(i)).c_str());
      current_core = {.pool = pool, .number = i};
      core->context.run();
    });
  }
}

CorePool::~CorePool() {
  Stop();
}

size_t CorePool::size() const {
  return state_->cores.size();
}

asio::io_context& CorePool::context(size_t core) {
  return state_->cores.at(core)->context;
}

asio::any_io_executor CorePool::executor(size_t core) {
  return context(core).get_executor();
}

size_t CorePool::current() const {
  return current_core.pool == state_.get() ? current_core.number : size();
}

void CorePool::Stop() {
  CHECK_NOTE(current() == size(), "CorePool::Stop is called from outside of its threads");
  for (const auto& core : state_->cores) {
    core->work.reset();
    core->context.stop();
  }
  for (const auto& core : state_->cores) {
    if (core->thread.joinable()) core->thread.join();
  }
}

size_t AvailableCores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  size_t cores = 1;
  if (sched_getaffinity(0, sizeof(mask), &mask) == 0) {
    cores = static_cast<size_t>(std::max(1, CPU_COUNT(&mask)));
  }
  const std::optional<double> quota = OwnCpuQuota();
  if (quota) cores = std::min(cores, static_cast<size_t>(std::ceil(*quota)));
  return std::max<size_t>(cores, 1);
}

}  // namespace slipway
