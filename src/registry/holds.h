// Holds: who was told that a blob is there finds it there for a while, until a manifest names it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "async/guarded.h"
#include "base/clock.h"
#include "base/digest.h"

namespace slipway::registry {

// Times are in memory, in a table of fixed size: two blobs that share a place share the later time,
// so that a hold is never shorter than promised. Since none survives a restart, everything counts
// as held for the first while. Thread-safe.
class Holds {
 public:
  // `hold` 0: nothing is held.
  Holds(Clock& clock, std::chrono::milliseconds hold);

  // Counts the removals that began or ended: taken before it is looked whether a blob is there.
  uint64_t removals() const { return removals_.load(std::memory_order_acquire); }
  // Of a blob that was found to be there, after `removals` was taken: what is not there is not
  // held, for a table of fixed size would fill. True if a collection may have removed it meanwhile,
  // or is about to: only the writer knows then, after the transactions that wait.
  bool Hold(std::string_view repository, const Digest& blob, uint64_t removals);
  // In the transaction in which it comes to be there.
  void Hold(std::string_view repository, const Digest& blob);
  bool IsHeld(std::string_view repository, const Digest& blob) const;

  // Called in the transaction that removes the blob: false if it is held. Else it counts as being
  // removed until EndRemovals, which is called once that transaction has ended.
  bool BeginRemoval(std::string_view repository, const Digest& blob);
  void EndRemovals();

  std::chrono::milliseconds hold() const { return hold_; }
  // How long everything is held still.
  std::chrono::milliseconds RestOfStart() const;

 private:
  struct State {
    std::vector<uint32_t> times;  // seconds since the start, counted from 1; 0: never
    std::set<std::string, std::less<>> removals;
  };
  // Notes the time, and answers what `look` says of the state.
  template <class Look>
  bool Note(std::string_view repository, const Digest& blob, Look look);
  std::chrono::milliseconds Elapsed() const;
  bool IsRecent(uint32_t time) const;

  Clock& clock_;
  const std::chrono::milliseconds hold_;
  const SteadyTime begin_;
  Guarded<State> state_;
  std::atomic<uint64_t> removals_{0};  // changed under the lock of `state_`
};

}  // namespace slipway::registry
