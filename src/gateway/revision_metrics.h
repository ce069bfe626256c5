// RevisionMetrics: the counters of all loaded revisions, under Triton's names.
#pragma once

#include <memory>

#include "base/metrics.h"
#include "gateway/reconciler.h"

namespace slipway::gateway {

// Registered as long as it lives; `reconciler` outlives it.
[[nodiscard]] std::unique_ptr<MetricCollection> CollectRevisionMetrics(
    const Reconciler& reconciler);

}  // namespace slipway::gateway
