#include "async/blocking_pool.h"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "async/completion.h"
#include "async/limits.h"
#include "base/check.h"

namespace slipway {

struct BlockingPool::State {
  void Loop();

  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  std::deque<std::function<void()>> queue;
  std::vector<std::thread> threads;
};

void BlockingPool::State::Loop() {
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [this] { return stopping || !queue.empty(); });
    if (queue.empty()) return;
    std::function<void()> work = std::move(queue.front());
    queue.pop_front();
    lock.unlock();
    work();
    work = nullptr;  // its captures end here, not under the lock
    lock.lock();
  }
}

BlockingPool::BlockingPool(size_t threads) : state_(std::make_unique<State>()) {
  CHECK(threads >= 1 && threads <= kMaxPoolThreads);
  for (size_t i = 0; i < threads; ++i) {
    state_->threads.emplace_back([state = state_.get(), i] {
      pthread_setname_np(pthread_self(), ("blocking-" + std::to_string(i)).c_str());
      state->Loop();
    });
  }
}

BlockingPool::~BlockingPool() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->changed.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
}

Task<void> BlockingPool::RunErased(std::function<void()> work) {
  State* const state = state_.get();
  co_await AwaitDone([state, &work](std::function<void()> done) {
    {
      std::lock_guard lock(state->mutex);
      state->queue.push_back([&work, done = std::move(done)] {
        work();
        done();
      });
    }
    state->changed.notify_one();
  });
}

}  // namespace slipway
