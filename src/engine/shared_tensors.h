// SharedTensors: the tensors of several requests as those of one run.
//
// The first dimension is the batch: inputs of the requests lie one behind the other in it, and what
// the run gives is taken apart in the same order.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "async/guarded.h"
#include "base/result.h"
#include "tensor/signature.h"
#include "tensor/tensor.h"

namespace slipway::engine {

// Why requests for a model of this signature cannot share runs: FAILED_PRECONDITION /
// BATCHING_UNSUPPORTED, a sentence for people.
Result<void> CheckBatchable(const tensor::Signature& signature);

// The common length of the first dimension of all inputs; INVALID_ARGUMENT / BATCH_MISMATCH.
Result<uint64_t> RowsOf(const tensor::Signature& signature, std::span<const tensor::Tensor> inputs);

// Whether the inputs differ in nothing but the first dimension.
bool SameButRows(std::span<const tensor::Tensor> a, std::span<const tensor::Tensor> b);

// Used again and again; see SharedTensorsPool. Not thread-safe.
class SharedTensors {
 public:
  // One after the other, copied: the requests may go. RESOURCE_EXHAUSTED / TENSOR_MEMORY.
  Result<void> Gather(std::span<const std::span<const tensor::Tensor>> requests);
  std::span<const tensor::Tensor> inputs() const { return inputs_; }
  // For the run to fill.
  std::span<tensor::Tensor> outputs(size_t count);
  // INTERNAL / BATCH_ROWS where an output does not have the rows of the inputs.
  Result<void> CheckOutputs(const tensor::Signature& signature, std::span<const uint32_t> wanted);
  // Lets `outputs` show the rows from `begin` on; `self` is kept as long as they do.
  static void Show(const std::shared_ptr<SharedTensors>& self, uint64_t begin, uint64_t rows,
                   std::span<tensor::Tensor> outputs);

  uint64_t rows() const { return rows_; }
  void Recycle();

 private:
  std::vector<tensor::Tensor> inputs_;
  std::vector<tensor::Tensor> outputs_;
  size_t output_count_ = 0;
  uint64_t rows_ = 0;
};

// Keeps sets with their memory for the next runs. Thread-safe; outlives what it gives out.
class SharedTensorsPool {
 public:
  std::shared_ptr<SharedTensors> Take();

 private:
  Guarded<std::vector<std::unique_ptr<SharedTensors>>> idle_;
};

}  // namespace slipway::engine
