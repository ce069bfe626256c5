// Shadows: copies of answered requests go to other revisions, and their answers are compared.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "async/core_pool.h"
#include "async/task_group.h"
#include "base/metrics.h"
#include "gateway/shadow_ticket.h"

namespace slipway::gateway {

class Exchange;

// What a shadow costs is bounded on each core: kMaxShadowRuns at the same time, with
// kMaxShadowBytes of tensors; a request that finds no room is not copied and counted as dropped. A
// run is as any other of the shadow's revision, on the engine threads, and nobody waits for it.
class Shadows {
 public:
  explicit Shadows(CorePool& cores);

  // Takes the inputs and outputs of an exchange whose answer is written, and lets the run begin
  // when the core has done what it is at. On that core.
  void Start(std::unique_ptr<ShadowTicket> ticket, Exchange& answered);
  // Ends what runs. Once; afterwards Start only counts.
  Task<void> Stop();

 private:
  struct Job;
  struct alignas(64) Room {
    size_t runs = 0;
    size_t bytes = 0;
  };
  Task<void> Run(std::shared_ptr<Job> job);

  CorePool& cores_;
  std::vector<Room> rooms_;  // one for each core, of its thread
  TaskGroup group_;
};

// The counters of the revision as a shadow; nothing if it never was one.
void WriteShadowMetrics(const RevisionRuntime& revision, MetricSink& sink);

}  // namespace slipway::gateway
