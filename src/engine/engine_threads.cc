#include "engine/engine_threads.h"

#include <pthread.h>

#include <algorithm>

#include "base/check.h"

namespace slipway::engine {

EngineThreads::EngineThreads(size_t threads) {
  for (size_t i = 0; i < std::max<size_t>(threads, 1); ++i) {
    threads_.emplace_back([this] {
      pthread_setname_np(pthread_self(), "slipway-engine");
      Loop();
    });
  }
}

EngineThreads::~EngineThreads() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

bool EngineThreads::Submit(EngineQueue& queue, std::shared_ptr<EngineJob> job) {
  {
    std::lock_guard lock(mutex_);
    CHECK(!stopping_);
    if (queue.waiting_.size() >= queue.limit_) return false;
    queue.waiting_.push_back(std::move(job));
    ListIfReady(queue);
  }
  wake_.notify_one();
  return true;
}

bool EngineThreads::Withdraw(EngineQueue& queue, const EngineJob* job) {
  std::lock_guard lock(mutex_);
  const auto at = std::find_if(queue.waiting_.begin(), queue.waiting_.end(),
                               [&](const auto& waiting) { return waiting.get() == job; });
  if (at == queue.waiting_.end()) return false;
  queue.waiting_.erase(at);
  return true;
}

size_t EngineThreads::Pending(const EngineQueue& queue) const {
  std::lock_guard lock(mutex_);
  return queue.waiting_.size() + queue.running_;
}

void EngineThreads::ListIfReady(EngineQueue& queue) {
  if (queue.listed_ || queue.waiting_.empty() || queue.running_ >= queue.width_) return;
  queue.listed_ = true;
  ready_.push_back(&queue);
}

void EngineThreads::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return stopping_ || !ready_.empty(); });
    if (ready_.empty()) return;
    EngineQueue& queue = *ready_.front();
    ready_.pop_front();
    queue.listed_ = false;
    // Withdrawn jobs leave an empty line listed.
    if (queue.waiting_.empty()) continue;
    std::shared_ptr<EngineJob> job = std::move(queue.waiting_.front());
    queue.waiting_.pop_front();
    ++queue.running_;
    ListIfReady(queue);
    if (!ready_.empty()) wake_.notify_one();
    lock.unlock();
    job->Execute();
    job.reset();
    lock.lock();
    --queue.running_;
    ListIfReady(queue);
  }
}

}  // namespace slipway::engine
