// WorkerGroup: the processes of one model, and GroupSession, a session that runs in any of them.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "engine/worker/process.h"
#include "engine/worker/session.h"
#include "exec/model.h"

namespace slipway::engine::worker {

// One process, or as many as Resize says. A run goes to the one that has the fewest; one that has
// ended by itself gets none until it is back. Thread-safe.
class WorkerGroup {
 public:
  struct Member {
    explicit Member(std::unique_ptr<WorkerProcess> its_process) : process(std::move(its_process)) {}
    const std::unique_ptr<WorkerProcess> process;
    // Of the group's mutex.
    size_t runs = 0;
    bool leaving = false;
  };

  // Returns when the first has loaded the model. Errors: those of WorkerProcess::Start.
  static Result<std::unique_ptr<WorkerGroup>> Start(WorkerOptions options);
  // Ends all.
  ~WorkerGroup();
  WorkerGroup(const WorkerGroup&) = delete;
  WorkerGroup& operator=(const WorkerGroup&) = delete;

  const LoadedFrame& loaded() const { return loaded_; }
  // pid is the first one's that runs; memory and restarts are of all that there are.
  exec::ProcessState state() const;
  // So many processes, at least one. New ones load in the background, and those that are too many
  // end with their last run.
  void Resize(size_t processes);

  // For one run, until Leave. Never nullptr. `before` is taken where it is no worse than others.
  std::shared_ptr<Member> Enter(const Member* before);
  void Leave(Member& member);
  // Its process ends, or has ended.
  bool IsLeaving(const Member& member) const;

 private:
  WorkerGroup(WorkerOptions options, std::unique_ptr<WorkerProcess> first);
  // Forgets those whose processes have ended; under the mutex.
  void Prune();

  const WorkerOptions options_;
  const LoadedFrame loaded_;
  mutable std::mutex mutex_;
  // Those that leave stay here until their processes have ended, so that nobody else waits for it.
  std::vector<std::shared_ptr<Member>> members_;
  uint64_t restarts_before_ = 0;  // of members that are gone
};

// Keeps a WorkerSession in each process that it has run in.
class GroupSession final : public exec::Session {
 public:
  // `group` outlives this.
  explicit GroupSession(WorkerGroup& group) : group_(group) {}

  // Returns when the run is over.
  void Start(const exec::Run& run, exec::RunObserver& observer) override;
  void Interrupt() override;

 private:
  struct Seat {
    std::shared_ptr<WorkerGroup::Member> member;
    std::unique_ptr<WorkerSession> session;
  };
  WorkerSession& Sit(const std::shared_ptr<WorkerGroup::Member>& member);
  void Stand();

  WorkerGroup& group_;
  std::vector<Seat> seats_;  // the last one used in front
  std::mutex mutex_;
  WorkerSession* running_ = nullptr;
  std::shared_ptr<WorkerGroup::Member> member_;  // of the run under way
};

}  // namespace slipway::engine::worker
