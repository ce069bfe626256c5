// RevisionStatistics: what V2's statistics tell of one revision.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "gateway/revision_runtime.h"

namespace slipway::gateway {

// Runs of one batch size, and the time of all of them.
struct BatchStatistics {
  uint64_t size = 1;
  uint64_t executions = 0;
  uint64_t input_ns = 0;
  uint64_t infer_ns = 0;
  uint64_t output_ns = 0;
};

// Sums over the cores. Since the revision was loaded.
struct RevisionStatistics {
  uint64_t success = 0;
  uint64_t failures = 0;
  uint64_t inferences = 0;
  uint64_t executions = 0;
  uint64_t request_ns = 0;  // of successful requests, as all but the next
  uint64_t failure_ns = 0;
  uint64_t queue_ns = 0;
  uint64_t input_ns = 0;
  uint64_t infer_ns = 0;
  uint64_t output_ns = 0;
  int64_t last_inference_ms = 0;  // when the last request was answered, since 1970; 0: none was
  std::vector<BatchStatistics> batches;
  uint64_t memory_bytes = 0;                      // an estimate
  std::optional<uint64_t> gpu_memory_bytes = {};  // likewise, of a model on a GPU
};

RevisionStatistics StatisticsOf(const RevisionRuntime& revision, Clock& clock);

}  // namespace slipway::gateway
