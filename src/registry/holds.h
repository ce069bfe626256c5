// Holds: who was told that a blob is there finds it there for a while, until a manifest names it.
#pragma once

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

  // Called before it is looked whether the blob is there. True if a collection is removing it at
  // this moment: only the writer knows then, after the transactions that wait.
  bool Hold(std::string_view repository, const Digest& blob);
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
  std::chrono::milliseconds Elapsed() const;
  bool IsRecent(uint32_t time) const;

  Clock& clock_;
  const std::chrono::milliseconds hold_;
  const SteadyTime begin_;
  Guarded<State> state_;
};

}  // namespace slipway::registry
