// Classification: the largest values of an output with their places, as Triton's protocol extension
// "classification" answers them.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "tensor/signature.h"
#include "tensor/tensor.h"

namespace slipway::gateway::v2 {

// Makes `out` the `classes` largest values of `values`, largest first (of equal ones the earlier),
// each as a string "VALUE:INDEX". Where `spec` leaves the first dimension open, each entry of that
// dimension is ranked by itself and the shape is [entries, classes], otherwise [classes]; no more
// classes than there are values. INVALID_ARGUMENT / CLASSIFICATION for BYTES and empty rows,
// CLASSIFICATION_LARGE above kMaxClassStrings.
Result<void> Classify(const tensor::TensorSpec& spec, const tensor::Tensor& values,
                      uint32_t classes, tensor::Tensor& out);

}  // namespace slipway::gateway::v2
