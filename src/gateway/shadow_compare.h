// ShadowCompare: how far the outputs of two revisions are apart.
#pragma once

#include <cstddef>

#include "routing/traffic_spec.h"
#include "tensor/tensor.h"

namespace slipway::gateway {

struct Comparison {
  bool differs = false;
  size_t first = 0;     // of the elements that differ
  double greatest = 0;  // of the differences between finite numbers
};

// Goes on with the elements [begin, end) of two tensors of the same type and shape. Numbers with a
// fraction may be apart as `tolerance` allows (NaN is the same as NaN, an infinity as itself);
// everything else has to be the same.
void CompareElements(const tensor::Tensor& answered, const tensor::Tensor& shadow, size_t begin,
                     size_t end, const routing::Tolerance& tolerance, Comparison& out);

}  // namespace slipway::gateway
