#include "gateway/measurement.h"

namespace slipway::gateway {

void Measure(const RevisionRuntime& revision, runtime::RevisionMeasurement& out) {
  const engine::LoadedModel& model = revision.model();
  out.load_ms = model.load_time().count();
  out.memory_bytes = model.memory_bytes();
  out.instances = static_cast<int64_t>(revision.instances());
  out.hung_runs = static_cast<int64_t>(revision.batcher().CountHung());
  out.accelerator = model.gpu() ? model.gpu()->name : "cpu";
  out.gpu_memory_bytes = model.gpu_memory_bytes();
  if (const auto process = model.model().process()) {
    out.worker = runtime::WorkerMeasurement{.pid = process->pid,
                                            .processes = process->processes,
                                            .restarts = static_cast<int64_t>(process->restarts),
                                            .last_end = process->last_end};
  }
}

}  // namespace slipway::gateway
