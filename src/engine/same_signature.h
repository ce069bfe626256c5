// Whether a model that came back is the one that it was, as far as requests can tell.
#pragma once

#include <algorithm>
#include <vector>

#include "tensor/signature.h"

namespace slipway::engine {

inline bool HaveSameSpecs(const std::vector<tensor::TensorSpec>& a,
                          const std::vector<tensor::TensorSpec>& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    return x.name == y.name && x.type == y.type && x.shape == y.shape;
  });
}

inline bool HaveSameTensors(const tensor::Signature& a, const tensor::Signature& b) {
  return HaveSameSpecs(a.inputs, b.inputs) && HaveSameSpecs(a.outputs, b.outputs);
}

}  // namespace slipway::engine
