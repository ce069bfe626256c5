#include "gateway/gpu_metrics.h"

#include <map>
#include <optional>
#include <string>

#include "engine/gpu.h"

namespace slipway::gateway {
namespace {

void Write(const engine::Gpu& gpu, MetricSink& sink) {
  const std::optional<engine::GpuUse> use = engine::UseOf(gpu);
  if (!use) return;
  const MetricLabels labels = {{"gpu_uuid", gpu.uuid}};
  sink.Gauge("nv_gpu_memory_total_bytes", "Memory of the GPU.", labels,
             static_cast<double>(use->memory_total_bytes));
  sink.Gauge("nv_gpu_memory_used_bytes", "Memory of the GPU that is in use.", labels,
             static_cast<double>(use->memory_used_bytes));
  sink.Gauge("nv_gpu_utilization", "Part of the last moments in which the GPU computed, 0 to 1.",
             labels, use->utilization);
  sink.Gauge("nv_gpu_power_usage", "Power that the GPU draws, in watts.", labels, use->power_watts);
  sink.Gauge("nv_gpu_power_limit", "Power that the GPU may draw, in watts.", labels,
             use->power_limit_watts);
  sink.Counter("nv_energy_consumption", "Energy since the driver started, in joules.", labels,
               static_cast<uint64_t>(use->energy_joules));
}

}  // namespace

std::unique_ptr<MetricCollection> CollectGpuMetrics(const Reconciler& reconciler) {
  return CollectMetrics([&reconciler](MetricSink& sink) {
    std::map<std::string, engine::Gpu> gpus;
    reconciler.Visit([&gpus](const RevisionRuntime& revision) {
      const std::optional<engine::Gpu>& gpu = revision.model().gpu();
      if (gpu) gpus.emplace(gpu->uuid, *gpu);
    });
    for (const auto& [uuid, gpu] : gpus) Write(gpu, sink);
  });
}

}  // namespace slipway::gateway
