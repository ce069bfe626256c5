// Maintenance: collections and scrubs, by the clock and on request, and what is told of them.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "async/guarded.h"
#include "async/task_group.h"
#include "base/json.h"
#include "base/result.h"
#include "registry/collector.h"
#include "registry/scrubber.h"

namespace slipway::registry {

struct Core;

// Thread-safe. A part of Core, which keeps it alive: its tasks share the core.
class Maintenance {
 public:
  // Reads the reports of before, and how many objects are damaged. Blocking.
  Result<void> Load(Core& core);
  // Begins the schedules; `tasks` is stopped before it is destroyed.
  void Start(std::shared_ptr<Core> core, TaskGroup& tasks);

  // Takes no more requests.
  void Stop() { tasks_ = nullptr; }

  // FAILED_PRECONDITION / COLLECTION_RUNNING, SCRUB_RUNNING; UNAVAILABLE / STOPPING.
  Result<void> StartCollection(const std::shared_ptr<Core>& core, bool dry_run);
  Result<void> StartScrub(const std::shared_ptr<Core>& core);

  // {"collection": {...}, "scrub": {...}, "damaged": N}; docs/operations.md.
  Json Status(Core& core) const;

 private:
  struct State {
    bool collecting = false;
    bool scrubbing = false;
    uint64_t collections = 0;  // that were begun
    CollectionReport running;
    std::optional<CollectionReport> last;
    std::optional<CollectionReport> last_dry_run;
    std::optional<ScrubPass> pass;  // the one that runs or was cut off, else the last
  };

  bool TakeCollection(bool dry_run, Clock& clock);
  bool TakeScrub();
  Task<void> CollectNowAndThen(std::shared_ptr<Core> core);
  Task<void> ScrubNowAndThen(std::shared_ptr<Core> core);
  Task<void> RunCollection(std::shared_ptr<Core> core, bool dry_run);
  Task<void> RunScrub(std::shared_ptr<Core> core);
  Task<void> EndCollection(Core& core, CollectionReport report);
  Task<void> SavePass(Core& core, ScrubPass pass);

  Guarded<State> state_;
  std::atomic<TaskGroup*> tasks_ = nullptr;
};

}  // namespace slipway::registry
