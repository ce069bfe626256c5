#include "gateway/revision_statistics.h"

#include <algorithm>
#include <chrono>

namespace slipway::gateway {

RevisionStatistics StatisticsOf(const RevisionRuntime& revision, Clock& clock) {
  RevisionStatistics out;
  uint64_t last_ns = 0;
  for (const Lane& lane : revision.lanes()) {
    const RequestCounters& counters = lane.counters;
    out.success += counters.success.Value();
    for (const OwnedCounter& failure : counters.failure) out.failures += failure.Value();
    out.inferences += counters.inferences.Value();
    out.request_ns += counters.request_ns.Value();
    out.failure_ns += counters.failure_ns.Value();
    out.queue_ns += counters.queue_ns.Value();
    out.input_ns += counters.compute_input_ns.Value();
    out.infer_ns += counters.compute_infer_ns.Value();
    out.output_ns += counters.compute_output_ns.Value();
    last_ns = std::max(last_ns, counters.last_ns.Value());
  }
  if (last_ns > 0) {
    // The request path reads one clock only: here the other is asked how far they are apart.
    const std::chrono::nanoseconds ago =
        std::chrono::steady_clock::now().time_since_epoch() - std::chrono::nanoseconds(last_ns);
    out.last_inference_ms = clock.Wall().time_since_epoch().count() -
                            std::chrono::duration_cast<std::chrono::milliseconds>(ago).count();
  }
  const engine::BatchStats batches = revision.batch_stats();
  for (const auto& [rows, stat] : batches) out.executions += stat.runs;
  for (const auto& [rows, stat] : batches) {
    // Reading and writing belong to requests, not to runs: each run has its share.
    out.batches.push_back({.size = rows,
                           .executions = stat.runs,
                           .input_ns = out.input_ns / out.executions * stat.runs,
                           .infer_ns = stat.infer_ns,
                           .output_ns = out.output_ns / out.executions * stat.runs});
  }
  out.memory_bytes = static_cast<uint64_t>(std::max<int64_t>(revision.model().memory_bytes(), 0));
  if (revision.model().gpu()) {
    out.gpu_memory_bytes = static_cast<uint64_t>(revision.model().gpu_memory_bytes());
  }
  return out;
}

}  // namespace slipway::gateway
