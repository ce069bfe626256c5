// RevisionMetrics: the counters of all loaded revisions, under Triton's names.
#pragma once

#include <memory>
#include <vector>

#include "base/metrics.h"
#include "gateway/reconciler.h"
#include "runtime/revision_figures.h"

namespace slipway::gateway {

// Registered as long as it lives; `reconciler` outlives it.
[[nodiscard]] std::unique_ptr<MetricCollection> CollectRevisionMetrics(
    const Reconciler& reconciler);

// The same numbers of those revisions whose services are measured. Any thread.
std::vector<runtime::RevisionFigures> MeasuredFigures(const Reconciler& reconciler);

}  // namespace slipway::gateway
