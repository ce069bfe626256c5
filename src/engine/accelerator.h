// Accelerator: which GPUs this machine has, and whether an engine can compute on one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::engine {

class PluginHost;

struct Gpu {
  std::string name;
  uint64_t memory_bytes = 0;
};

// Asks the driver, libcuda.so.1, which is opened at run time and never closed. Blocks, at first for
// as long as the driver needs to start. UNAVAILABLE / GPU_MISSING with what is missing.
// Thread-safe.
Result<std::vector<Gpu>> FindGpus();

// Why a model of this format cannot be computed on a GPU here; nothing where it can.
// FAILED_PRECONDITION / GPU_MISSING where the machine has none, GPU_UNSUPPORTED where the engine
// has no use for it. Blocks, and opens the engine where there is a GPU.
std::optional<Error> GpuProblem(PluginHost& host, std::string_view format);

}  // namespace slipway::engine
