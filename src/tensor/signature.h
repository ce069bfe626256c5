// Signature: what a model takes and gives.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tensor/data_type.h"
#include "tensor/shape.h"
#include "tensor/tensor.h"

namespace slipway::tensor {

// One input or output. Open dimensions (-1) may have a symbol ("batch"): dimensions with the same
// symbol have the same length in one run, as far as the model's author says.
struct TensorSpec {
  std::string name;
  DataType type = DataType::kFp32;
  Shape shape;
  std::vector<std::string> symbols;  // one for each dimension, empty where there is none; or empty
};

struct Signature {
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
};

// Position of the tensor of that name, or nothing.
std::optional<size_t> FindSpec(std::span<const TensorSpec> specs, std::string_view name);

// Whether `shape` has the rank of the spec and its fixed dimensions.
bool Matches(const TensorSpec& spec, const Shape& shape);

// The shape that output `index` will have for these inputs, which are in the order of the
// signature: its fixed dimensions, and open ones whose symbol an input has. Nothing where a
// dimension stays open.
std::optional<Shape> PredictOutputShape(const Signature& signature, size_t index,
                                        std::span<const Tensor> inputs);

// INVALID_ARGUMENT / SIGNATURE_INVALID for names that are empty, repeated or not UTF-8, symbols
// that are not UTF-8, ranks above the limit and dimensions below -1.
Result<void> CheckSignature(const Signature& signature);

}  // namespace slipway::tensor
