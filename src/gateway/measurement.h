// Measurement: what the data plane tells its agent of a loaded revision.
#pragma once

#include "gateway/revision_runtime.h"
#include "runtime/serving_channel.h"

namespace slipway::gateway {

// Fills what is measured of a revision with a model: times, memory, instances, what computes, its
// process.
void Measure(const RevisionRuntime& revision, runtime::RevisionMeasurement& out);

}  // namespace slipway::gateway
