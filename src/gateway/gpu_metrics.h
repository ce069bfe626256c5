// GpuMetrics: the GPUs that models compute on, under Triton's names.
#pragma once

#include <memory>

#include "base/metrics.h"
#include "gateway/reconciler.h"

namespace slipway::gateway {

// Registered as long as it lives; `reconciler` outlives it. Nothing while no model is on a GPU, so
// that nobody asks a driver who need not.
[[nodiscard]] std::unique_ptr<MetricCollection> CollectGpuMetrics(const Reconciler& reconciler);

}  // namespace slipway::gateway
