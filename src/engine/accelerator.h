// Accelerator: the GPU on which a model is to compute.
#pragma once

#include <string_view>

#include "base/result.h"
#include "engine/gpu.h"

namespace slipway::engine {

class PluginHost;

// The GPU of this machine with the most free memory, for a model of this format.
// FAILED_PRECONDITION / GPU_MISSING where the machine has none, GPU_UNSUPPORTED where the engine
// has no use for it. Blocks, and opens the engine where there is a GPU.
Result<Gpu> ChooseGpu(PluginHost& host, std::string_view format);

}  // namespace slipway::engine
