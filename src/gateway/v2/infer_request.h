// InferRequest: one inference of the V2 protocol, read.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/signature.h"
#include "tensor/tensor.h"

namespace slipway::gateway::v2 {

// What the reader must know of the model that a request is for.
struct ModelFace {
  std::string_view name;
  const tensor::Signature& signature;
};

// Used again and again: the tensors keep their memory.
struct InferRequest {
  std::optional<std::string> id;
  std::optional<std::chrono::microseconds> timeout;
  // One for each input of the signature, in its order.
  std::vector<tensor::Tensor> inputs;
  // Positions of the outputs to answer with, in the order of the answer.
  std::vector<uint32_t> wanted;
};

}  // namespace slipway::gateway::v2
