// EngineThreads: the threads that run models which are too slow for the core of a connection.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "engine/batch_line.h"

namespace slipway::engine {

// The waiting line of one model. A thread that is free goes to the line with the fewest runs under
// way, of several to the one that has waited for longest, so that neither many callers nor long
// runs of one model starve the others. Only EngineThreads touches it, under its lock.
class EngineQueue {
 public:
  // At most `width` runs of it are under way at the same time.
  EngineQueue(size_t width, LinePolicy policy) : width_(width), line_(std::move(policy)) {}

  size_t width() const { return width_.load(std::memory_order_relaxed); }
  // Jobs that wait, as it was a moment ago. Any thread.
  size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

 private:
  friend class EngineThreads;
  std::atomic<size_t> width_;
  BatchLine line_;
  std::atomic<size_t> waiting_{0};
  size_t runs_ = 0;                 // under way
  size_t jobs_ = 0;                 // of these runs
  bool listed_ = false;             // in EngineThreads::ready_
  RunTime alarm_ = RunTime::max();  // in EngineThreads::alarms_, but for max
};

class EngineThreads {
 public:
  explicit EngineThreads(size_t threads);
  // Runs what waits, joins.
  ~EngineThreads();
  EngineThreads(const EngineThreads&) = delete;
  EngineThreads& operator=(const EngineThreads&) = delete;

  // For as long as somebody has so many runs of his own at the same time, whether they compute or
  // wait for another process: as many threads more, so that others have theirs, but no more than
  // kMaxEngineThreads in all. Threads stay for the next who reserves.
  void Reserve(size_t threads);
  void Release(size_t threads);
  // From now on so many runs of it are under way at the same time; those above it that are under
  // way end in their own time.
  void SetWidth(EngineQueue& queue, size_t width);

  // false when the line is full. The queue outlives its jobs. Any thread.
  [[nodiscard]] bool Submit(EngineQueue& queue, std::shared_ptr<EngineJob> job);
  // Takes a job that still waits out of the line; false when it has begun, expired or is done.
  bool Withdraw(EngineQueue& queue, EngineJob& job);
  // Jobs that wait and that run. When there are none, nothing here knows of the queue.
  size_t Pending(const EngineQueue& queue) const;
  // Runs of the line that go on although the time of all their jobs was over kHungRun ago.
  size_t CountHung(const EngineQueue& queue, RunTime now) const;
  // For each run of any line that has hung there is one thread more from now on.
  void ReplaceHung(RunTime now);
  // Threads for those who reserve none.
  size_t size() const { return own_; }

 private:
  // What one thread does.
  struct Worker {
    const EngineQueue* queue = nullptr;  // whose run is under way
    RunTime over_at = RunTime::max();    // the time of that run
    std::vector<BatchLine::Job> batch;
    std::vector<BatchLine::Job> expired;

    bool has_hung(RunTime now) const {
      return queue != nullptr && over_at != RunTime::max() && now - over_at >= kHungRun;
    }
  };
  void Loop();
  // One turn of a thread: a batch of the first line that is ready.
  void Turn(std::unique_lock<std::mutex>& lock, Worker& self);
  // Looks after lines whose time has come without a caller.
  void KeepTime();
  // After each change of a line: it is listed if a thread should come, else woken when one should.
  void Settle(EngineQueue& queue);
  void SetAlarm(EngineQueue& queue, RunTime time);
  // The line whose turn it is; there is one.
  EngineQueue& TakeNext();
  void StartThreads();

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable alarm_wake_;
  std::deque<EngineQueue*> ready_;
  std::set<std::pair<RunTime, EngineQueue*>> alarms_;
  bool stopping_ = false;
  const size_t own_;
  size_t reserved_ = 0;
  size_t hung_ = 0;
  std::vector<const Worker*> workers_;
  std::vector<std::jthread> threads_;
  std::jthread timekeeper_;
};

}  // namespace slipway::engine
