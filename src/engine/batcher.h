// Batcher: runs the requests for one model on the engine threads, several in one run where the
// policy of its line says so.
//
// What a request is answered does not depend on who shared its run: where a shared run fails, each
// of its requests is run again by itself; one that is cancelled leaves the others alone.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "async/guarded.h"
#include "base/result.h"
#include "engine/engine_threads.h"
#include "engine/loaded_model.h"
#include "engine/shared_tensors.h"

namespace slipway::engine {

class Batcher;
class SharedRun;

// A request on its way through a Batcher. Belongs to its owner but between Submit and `done`.
class PendingRun : public EngineJob {
 public:
  struct Order {
    exec::Run run;      // `cancelled` is not used
    uint64_t rows = 0;  // that it may bring into a shared run; 0: it runs by itself
    uint32_t level = 1;
    RunTime expires = RunTime::max();  // end of its wait, see LinePolicy
    // Called once, with result(), on any thread, also from within Cancel. The last thing that is
    // done with the object: its owner may use it again at once.
    std::function<void()> done;
  };

  // After `done`. DEADLINE_EXCEEDED / REQUEST_TIMEOUT where run.deadline was over before the run,
  // QUEUE_TIMEOUT where the wait was, CANCELLED, and what the engine says.
  const Result<void>& result() const { return result_; }
  RunTime started() const { return started_; }
  RunTime ended() const { return ended_; }

  bool SharesRunWith(const EngineJob& other) const final;
  void Execute(std::span<const std::shared_ptr<EngineJob>> jobs) final;
  void Expire() final;

 private:
  friend class Batcher;
  friend class SharedRun;
  // Where Cancel finds it.
  struct Whereabouts {
    bool cancelled = false;
    std::shared_ptr<SharedRun> run;
  };

  void End(Result<void> result, RunTime started, RunTime ended);

  Batcher* batcher_ = nullptr;
  Order order_;
  Guarded<Whereabouts> whereabouts_;
  Result<void> result_;
  RunTime started_;
  RunTime ended_;
};

// Of the runs that took so many rows.
struct BatchStat {
  uint64_t runs = 0;
  uint64_t infer_ns = 0;
};
using BatchStats = std::map<uint64_t, BatchStat>;

// Thread-safe. Destroyed when nothing is pending.
class Batcher {
 public:
  struct Options {
    size_t width = 1;  // runs at the same time
    LinePolicy policy;
    // From now on each request runs by itself, for this reason: the model turned out to have no
    // batch. Called once at most, on an engine thread or in StopSharing.
    std::function<void(const Error& why)> unbatched;
  };
  Batcher(EngineThreads& threads, Options options);
  ~Batcher();
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  // Before the first Submit; outlives this.
  void SetModel(LoadedModel& model) { model_ = &model; }

  // false, and no call of `done`, when the line is full.
  [[nodiscard]] bool Submit(const std::shared_ptr<PendingRun>& run, PendingRun::Order order);
  // Lets a request go early: it leaves the line or the run that it shares, or its own is
  // interrupted. From its owner's thread, between Submit and the moment in which it learns of
  // `done`; again is as good as once.
  void Cancel(PendingRun& run);

  size_t width() const { return queue_.width(); }
  // Of at least 1; takes effect with the next run.
  void SetWidth(size_t width) { threads_.SetWidth(queue_, width); }
  uint64_t max_rows() const { return max_rows_; }
  // From now on each request runs by itself.
  void StopSharing(const Error& why);
  // Whether requests may share runs at all.
  bool MayShare() const { return sharing_.load(std::memory_order_relaxed); }
  // Requests that wait, and those that wait or run.
  size_t waiting() const { return queue_.waiting(); }
  size_t Pending() const { return threads_.Pending(queue_); }
  // Runs that go on although their time was over long ago.
  size_t CountHung() const { return threads_.CountHung(queue_, std::chrono::steady_clock::now()); }

  // Runs that ended well, by their rows (1 for all of a model without batches); at most
  // kMaxBatchStats sizes.
  BatchStats stats() const {
    return stats_.With([](const BatchStats& stats) { return stats; });
  }

 private:
  friend class PendingRun;
  friend class SharedRun;
  void Count(uint64_t rows, RunTime begin, RunTime end);

  EngineThreads& threads_;
  const uint64_t max_rows_;
  const std::function<void(const Error& why)> unbatched_;
  LoadedModel* model_ = nullptr;
  std::atomic<bool> sharing_;
  SharedTensorsPool tensors_;
  Guarded<BatchStats> stats_;
  EngineQueue queue_;
};

}  // namespace slipway::engine
