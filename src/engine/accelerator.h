// Accelerator: the GPU on which a model is to compute.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/gpu.h"

namespace slipway::engine {

class PluginHost;

// The GPU of this machine on which a model of this format computes: of NVIDIA's the one with the
// most free memory. FAILED_PRECONDITION / GPU_MISSING where the machine has none, GPU_UNSUPPORTED
// where the engine has no use for what there is. Blocks, and opens the engine where there is a GPU.
Result<Gpu> ChooseGpu(PluginHost& host, std::string_view format);

// The same of these, for an engine that computes on `devices`: names with commas between them,
// "CUDA" for NVIDIA's and "GPU" for Intel's.
Result<Gpu> ChooseAmong(const std::vector<Gpu>& nvidia, const std::vector<Gpu>& intel,
                        std::string_view devices, std::string_view format);

}  // namespace slipway::engine
