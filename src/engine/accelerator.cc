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

// Whether one of the names is this one, or this one with a number: "GPU.1".
bool Has(std::string_view devices, std::string_view name) {
  for (size_t begin = 0; begin < devices.size();) {
    const size_t end = std::min(devices.find(", ", begin), devices.size());
    const std::string_view device = devices.substr(begin, end - begin);
    if (device.substr(0, device.find('.')) == name) return true;
    begin = end + 2;
  }
  return false;
}

std::string Description(const Gpu& gpu) {
  return gpu.memory_bytes == 0 ? gpu.name
                               : gpu.name + ", " + std::to_string(gpu.memory_bytes >> 20) + " MiB";
}

}  // namespace

Result<Gpu> ChooseAmong(const std::vector<Gpu>& nvidia, const std::vector<Gpu>& intel,
                        std::string_view devices, std::string_view format) {
  if (!nvidia.empty() && Has(devices, "CUDA")) {
    if (nvidia.size() == 1) return nvidia.front();
    return *std::max_element(nvidia.begin(), nvidia.end(), [](const Gpu& a, const Gpu& b) {
      return FreeMemory(a) < FreeMemory(b);
    });
  }
  if (!intel.empty() && Has(devices, "GPU")) return intel.front();
  return FailedPrecondition(
      "GPU_UNSUPPORTED",
      "there is a GPU (" + Description(nvidia.empty() ? intel.front() : nvidia.front()) +
          "), but the engine for " + std::string(format) + " computes on " + std::string(devices) +
          " alone here: install its libraries for such GPUs where it has some "
          "(docs/scaling.md), or set accelerator to cpu or gpuPreferred");
}

Result<Gpu> ChooseGpu(PluginHost& host, std::string_view format) {
  const Result<std::vector<Gpu>> nvidia = FindGpus();
  const std::vector<Gpu> intel = FindIntelGpus();
  if (nvidia.has_error() && intel.empty()) return nvidia.error();
  if (IsCustomCode(format)) {
    return FailedPrecondition("GPU_UNSUPPORTED",
                              "programs choose for themselves what they compute on: set "
                              "accelerator to cpu");
  }
  TRY(devices, host.Devices(format));
  return ChooseAmong(nvidia.has_value() ? *nvidia : std::vector<Gpu>(), intel, devices, format);
}

}  // namespace slipway::engine
