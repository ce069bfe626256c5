// EngineThreads: the threads that run models which are too slow for the core of a connection.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace slipway::engine {

// One piece of work; Execute is called once, on an engine thread.
class EngineJob {
 public:
  virtual ~EngineJob() = default;
  virtual void Execute() = 0;
};

// The waiting line of one model: bounded, first in first out. Lines take turns, so that a model
// with many callers does not starve the others. Only EngineThreads touches it, under its lock.
class EngineQueue {
 public:
  // At most `width` of its jobs run at the same time, and `limit` wait.
  EngineQueue(size_t width, size_t limit) : width_(width), limit_(limit) {}

 private:
  friend class EngineThreads;
  const size_t width_;
  const size_t limit_;
  std::deque<std::shared_ptr<EngineJob>> waiting_;
  size_t running_ = 0;
  bool listed_ = false;  // in EngineThreads::ready_
};

class EngineThreads {
 public:
  explicit EngineThreads(size_t threads);
  // Runs what waits, joins.
  ~EngineThreads();
  EngineThreads(const EngineThreads&) = delete;
  EngineThreads& operator=(const EngineThreads&) = delete;

  // false when the line is full. The queue outlives its jobs. Any thread.
  [[nodiscard]] bool Submit(EngineQueue& queue, std::shared_ptr<EngineJob> job);
  // Takes a job that still waits out of the line; false when it has begun or is done.
  bool Withdraw(EngineQueue& queue, const EngineJob* job);
  // Jobs that wait and that run.
  size_t Pending(const EngineQueue& queue) const;
  size_t size() const { return threads_.size(); }

 private:
  void Loop();
  void ListIfReady(EngineQueue& queue);

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<EngineQueue*> ready_;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace slipway::engine
