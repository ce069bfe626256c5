// BatchLine: the requests of one model that wait, and which of them share the next run.
//
// It decides and does nothing: no clock, no lock, no thread. EngineThreads drives it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <vector>

#include "engine/limits.h"

namespace slipway::engine {

using RunTime = std::chrono::steady_clock::time_point;

// Work of one request, which waits for an engine thread.
class EngineJob {
 public:
  // What a line must know of it; set before it is submitted.
  struct Wish {
    uint64_t rows = 0;   // of a shared run; 0: it runs by itself
    uint32_t level = 1;  // 1 is served first
    RunTime arrived;
    RunTime expires = RunTime::max();   // then the policy's timeout action comes
    RunTime deadline = RunTime::max();  // it is not held for companions until then
  };

  virtual ~EngineJob() = default;
  // Whether both can be served by one run. Called under the lock of EngineThreads; must be cheap.
  virtual bool SharesRunWith(const EngineJob& /*other*/) const { return false; }
  // Called once on an engine thread, for the first of `jobs`, which share a run and of which this
  // is the first. A job that has told its owner the end may be submitted anew meanwhile.
  virtual void Execute(std::span<const std::shared_ptr<EngineJob>> jobs) = 0;
  // Called once in place of Execute when it waited too long. Any thread.
  virtual void Expire() {}

  const Wish& wish() const { return wish_; }

 protected:
  void SetWish(const Wish& wish) { wish_ = wish; }

 private:
  friend class BatchLine;
  using List = std::list<std::shared_ptr<EngineJob>>;

  Wish wish_;
  // Where it stands in a line, if it does.
  List* list_ = nullptr;
  List::iterator place_;
  RunTime hold_until_;
};

enum class TimeoutAction : uint8_t { kReject, kDelay };

struct LinePolicy {
  // Rows of a run that requests share; 0 and 1: each runs by itself.
  uint64_t max_rows = 1;
  // How long the oldest request is held for companions while a thread is idle.
  std::chrono::microseconds max_delay{0};
  // Batches of these sizes are not held, and are preferred to larger ones.
  std::vector<uint64_t> preferred_rows = {};
  uint32_t levels = 1;
  size_t max_waiting = kMaxQueuedRuns;
  TimeoutAction timeout_action = TimeoutAction::kReject;
};

// Order: the level, then those that did not expire before those that did (with kDelay), then the
// arrival. The first request always runs next; those behind it that fit join it, so that nobody is
// overtaken for ever but by a higher level.
class BatchLine {
 public:
  using Job = std::shared_ptr<EngineJob>;

  explicit BatchLine(LinePolicy policy);
  BatchLine(const BatchLine&) = delete;
  BatchLine& operator=(const BatchLine&) = delete;

  // false when the line is full.
  [[nodiscard]] bool Add(Job job);
  // Whether it waited here.
  bool Remove(EngineJob& job);
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // When a thread that is idle should come: now or earlier where a batch is ready, later where the
  // first request is held for companions, never (max) where nobody waits.
  RunTime BatchDue(RunTime now);
  // Takes the next batch out, behind what is in `out`; nothing where none is due.
  void Take(RunTime now, std::vector<Job>& out);
  // When a wait ends by TimeoutAction::kReject next, and those whose wait has ended.
  RunTime ExpiryDue() const;
  void TakeExpired(RunTime now, std::vector<Job>& out);

 private:
  struct Level {
    EngineJob::List fresh;
    EngineJob::List late;
  };
  // The next batch: its members, of which the first `count` are to be taken at `due`.
  struct Plan {
    std::vector<EngineJob*> members;
    size_t count = 0;
    RunTime due = RunTime::max();
  };
  class Walk;

  void MakePlan(RunTime now);
  Job Unlink(EngineJob& job);

  const LinePolicy policy_;
  std::vector<Level> levels_;
  size_t size_ = 0;
  Plan plan_;  // kept for its memory
};

}  // namespace slipway::engine
