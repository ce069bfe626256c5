// SharedRun: the requests that an engine thread took out of a line together, until each has its
// end.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "engine/batcher.h"

namespace slipway::engine {

class SharedRun {
 public:
  explicit SharedRun(Batcher& batcher) : batcher_(batcher) {}

  // On the engine thread; returns when all have their end. `self` is what Cancel finds.
  static void Execute(const std::shared_ptr<SharedRun>& self,
                      std::span<const std::shared_ptr<EngineJob>> jobs);
  // On the thread of the request's owner: the request goes as soon as nothing here uses its memory;
  // the run under way is interrupted where it was for this request alone.
  void Leave(PendingRun& run);

 private:
  enum class Phase : uint8_t {
    kBusy,    // the memory of all is in use, for a moment
    kShared,  // a run with memory of its own is under way
    kSole,    // a run in the memory of the first is under way
  };
  struct Member {
    PendingRun* run;
    uint64_t rows;
    uint64_t begin;  // its first row in the shared run
    bool leaving;
  };

  void Register(const std::shared_ptr<SharedRun>& self,
                std::span<const std::shared_ptr<EngineJob>> jobs);
  void Perform();
  void EndLate();
  // Runs all in one; those that are left afterwards have to run by themselves.
  void RunTogether(exec::Session& session);
  Result<void> Gather(SharedTensors& tensors);
  // The phase of the run that begins; false where nobody wants it any more.
  bool BeginShared(exec::Session& session);
  // Takes the first for a run by itself, or null when none is left.
  PendingRun* BeginSole(exec::Session& session);
  void RunAlone(PendingRun& run, exec::Session& session);
  void EndRun();
  // Takes those out that asked to leave; under the lock.
  std::vector<Member> TakeLeaving();
  std::vector<Member> TakeAll();
  void EndCancelled(const std::vector<Member>& members);

  Batcher& batcher_;
  RunTime started_;
  std::mutex mutex_;
  Phase phase_ = Phase::kBusy;
  std::vector<Member> members_;       // who have no end yet
  exec::Session* session_ = nullptr;  // of the run under way
  std::atomic<uint32_t> cancelled_{0};
};

}  // namespace slipway::engine
