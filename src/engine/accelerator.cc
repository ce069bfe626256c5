#include "engine/accelerator.h"

#include <algorithm>
#include <string>
#include <vector>

#include "engine/plugin_host.h"

namespace slipway::engine {
namespace {

uint64_t FreeMemory(const Gpu& gpu) {
  const std::optional<GpuUse> use = UseOf(gpu);
  return use ? use->memory_total_bytes - use->memory_used_bytes : 0;
}

}  // namespace

Result<Gpu> ChooseGpu(PluginHost& host, std::string_view format) {
  TRY(gpus, FindGpus());
  if (IsCustomCode(format)) {
    return FailedPrecondition("GPU_UNSUPPORTED",
                              "programs choose for themselves what they compute on: set "
                              "accelerator to cpu");
  }
  TRY(devices, host.Devices(format));
  if (devices.find("CUDA") == std::string::npos) {
    return FailedPrecondition(
        "GPU_UNSUPPORTED",
        "there is a GPU (" + gpus.front().name + ", " +
            std::to_string(gpus.front().memory_bytes >> 20) + " MiB), but the engine for " +
            std::string(format) + " computes on " + devices +
            " alone here: install its libraries for GPUs where it has some (docs/engines.md), or "
            "set accelerator to cpu or gpuPreferred");
  }
  if (gpus.size() == 1) return gpus.front();
  return *std::max_element(gpus.begin(), gpus.end(), [](const Gpu& a, const Gpu& b) {
    return FreeMemory(a) < FreeMemory(b);
  });
}

}  // namespace slipway::engine
