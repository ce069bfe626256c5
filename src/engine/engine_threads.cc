#include "engine/engine_threads.h"

#include <pthread.h>

#include <algorithm>

#include "base/check.h"

namespace slipway::engine {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

EngineThreads::EngineThreads(size_t threads)
    : own_(std::clamp<size_t>(threads, 1, kMaxEngineThreads)) {
  Reserve(0);
  timekeeper_ = std::jthread([this] {
    pthread_setname_np(pthread_self(), "slipway-alarms");
    KeepTime();
  });
}

EngineThreads::~EngineThreads() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    // Nobody is held any more.
    while (!alarms_.empty()) Settle(*alarms_.begin()->second);
  }
  wake_.notify_all();
  alarm_wake_.notify_all();
}

void EngineThreads::Reserve(size_t threads) {
  std::lock_guard lock(mutex_);
  reserved_ += threads;
  StartThreads();
}

void EngineThreads::Release(size_t threads) {
  std::lock_guard lock(mutex_);
  CHECK(threads <= reserved_);
  reserved_ -= threads;
}

void EngineThreads::StartThreads() {
  while (threads_.size() < std::min(own_ + reserved_ + hung_, kMaxEngineThreads)) {
    threads_.emplace_back([this] {
      pthread_setname_np(pthread_self(), "slipway-engine");
      Loop();
    });
  }
}

void EngineThreads::SetWidth(EngineQueue& queue, size_t width) {
  {
    std::lock_guard lock(mutex_);
    queue.width_.store(width, std::memory_order_relaxed);
    Settle(queue);
    if (!queue.listed_) return;
  }
  wake_.notify_one();
}

bool EngineThreads::Submit(EngineQueue& queue, std::shared_ptr<EngineJob> job) {
  {
    std::lock_guard lock(mutex_);
    CHECK(!stopping_);
    if (!queue.line_.Add(std::move(job))) return false;
    Settle(queue);
    if (!queue.listed_) return true;
  }
  wake_.notify_one();
  return true;
}

bool EngineThreads::Withdraw(EngineQueue& queue, EngineJob& job) {
  std::lock_guard lock(mutex_);
  if (!queue.line_.Remove(job)) return false;
  Settle(queue);
  return true;
}

size_t EngineThreads::Pending(const EngineQueue& queue) const {
  std::lock_guard lock(mutex_);
  return queue.line_.size() + queue.jobs_;
}

void EngineThreads::Settle(EngineQueue& queue) {
  queue.waiting_.store(queue.line_.size(), std::memory_order_relaxed);
  if (queue.listed_ && queue.line_.empty()) {
    // An empty line may end its life at any time.
    std::erase(ready_, &queue);
    queue.listed_ = false;
  }
  RunTime alarm = stopping_ ? RunTime::max() : queue.line_.ExpiryDue();
  if (!queue.listed_ && !queue.line_.empty() && queue.runs_ < queue.width_) {
    const RunTime now = stopping_ ? RunTime::max() : Clock::now();
    const RunTime due = queue.line_.BatchDue(now);
    if (due <= now) {
      queue.listed_ = true;
      ready_.push_back(&queue);
    } else {
      alarm = std::min(alarm, due);
    }
  }
  SetAlarm(queue, alarm);
}

void EngineThreads::SetAlarm(EngineQueue& queue, RunTime time) {
  if (queue.alarm_ == time) return;
  if (queue.alarm_ != RunTime::max()) alarms_.erase({queue.alarm_, &queue});
  queue.alarm_ = time;
  if (time == RunTime::max()) return;
  alarms_.emplace(time, &queue);
  if (alarms_.begin()->second == &queue) alarm_wake_.notify_one();
}

void EngineThreads::KeepTime() {
  std::vector<BatchLine::Job> expired;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (alarms_.empty()) {
      alarm_wake_.wait(lock);
      continue;
    }
    const RunTime now = Clock::now();
    const auto [time, queue] = *alarms_.begin();
    if (time > now) {
      alarm_wake_.wait_until(lock, time);
      continue;
    }
    queue->line_.TakeExpired(now, expired);
    SetAlarm(*queue, RunTime::max());
    Settle(*queue);
    if (queue->listed_) wake_.notify_one();
    if (expired.empty()) continue;
    lock.unlock();
    for (BatchLine::Job& job : expired) std::exchange(job, nullptr)->Expire();
    expired.clear();
    lock.lock();
  }
}

size_t EngineThreads::CountHung(const EngineQueue& queue, RunTime now) const {
  std::lock_guard lock(mutex_);
  return static_cast<size_t>(std::ranges::count_if(workers_, [&](const Worker* worker) {
    return worker->queue == &queue && worker->has_hung(now);
  }));
}

void EngineThreads::ReplaceHung(RunTime now) {
  std::lock_guard lock(mutex_);
  hung_ = static_cast<size_t>(
      std::ranges::count_if(workers_, [&](const Worker* worker) { return worker->has_hung(now); }));
  StartThreads();
}

void EngineThreads::Loop() {
  Worker self;
  std::unique_lock lock(mutex_);
  workers_.push_back(&self);
  while (true) {
    wake_.wait(lock, [&] { return stopping_ || !ready_.empty(); });
    if (ready_.empty()) break;
    Turn(lock, self);
  }
  std::erase(workers_, &self);
}

EngineQueue& EngineThreads::TakeNext() {
  const auto next =
      std::ranges::min_element(ready_, {}, [](const EngineQueue* queue) { return queue->runs_; });
  EngineQueue& queue = **next;
  ready_.erase(next);
  queue.listed_ = false;
  return queue;
}

void EngineThreads::Turn(std::unique_lock<std::mutex>& lock, Worker& self) {
  std::vector<BatchLine::Job>& batch = self.batch;
  std::vector<BatchLine::Job>& expired = self.expired;
  EngineQueue& queue = TakeNext();
  const RunTime now = stopping_ ? RunTime::max() : Clock::now();
  if (!stopping_) queue.line_.TakeExpired(now, expired);
  queue.line_.Take(now, batch);
  if (!batch.empty()) {
    ++queue.runs_;
    queue.jobs_ += batch.size();
    self.queue = &queue;
    self.over_at = RunTime::min();
    for (const BatchLine::Job& job : batch) {
      self.over_at = std::max(self.over_at, job->wish().deadline);
    }
  }
  Settle(queue);
  if (!ready_.empty()) wake_.notify_one();
  lock.unlock();
  for (BatchLine::Job& job : expired) std::exchange(job, nullptr)->Expire();
  expired.clear();
  const size_t jobs = batch.size();
  if (jobs > 0) batch.front()->Execute(batch);
  batch.clear();
  lock.lock();
  if (jobs == 0) return;
  self.queue = nullptr;
  --queue.runs_;
  queue.jobs_ -= jobs;
  Settle(queue);
}

}  // namespace slipway::engine
