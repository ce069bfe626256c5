// Gpu: the GPUs of this machine and what they do, as NVIDIA's libraries and the kernel tell it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace slipway::engine {

struct Gpu {
  int32_t ordinal = 0;  // as CUDA counts those that this process may use; of Intel's 0
  std::string name;     // "NVIDIA H100 80GB HBM3"
  std::string uuid;     // as NVML names it: "GPU-" and 32 hex digits in groups; of Intel's empty
  uint64_t memory_bytes = 0;  // 0: not known
};

// Asks the driver, libcuda.so.1, which is opened at run time and never closed. Blocks, at first for
// as long as the driver needs to start. FAILED_PRECONDITION / GPU_MISSING with what is missing.
// Thread-safe.
Result<std::vector<Gpu>> FindGpus();

// Intel's, which the kernel's driver has: a render node each in `devices`. Which of them computes
// is up to Intel's library. Source: Linux, Documentation/gpu/drm-uapi, "Render nodes".
std::vector<Gpu> FindIntelGpus(const std::filesystem::path& devices = "/sys/class/drm");

// Of all programs on this machine together.
struct GpuUse {
  uint64_t memory_used_bytes = 0;
  uint64_t memory_total_bytes = 0;
  double utilization = 0;  // 0 to 1: the part of the last moments in which it computed
  double power_watts = 0;
  double power_limit_watts = 0;
  double energy_joules = 0;  // since the driver started
};

// Asks libnvidia-ml.so.1, which is opened at run time and never closed; what it does not know of
// this GPU is 0. Nothing where it is missing or does not know the GPU. Takes some microseconds.
// Thread-safe.
std::optional<GpuUse> UseOf(const Gpu& gpu);

}  // namespace slipway::engine
