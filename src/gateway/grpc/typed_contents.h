// TypedContents: the elements of a tensor as fields of InferTensorContents.
#pragma once

#include <string_view>

#include "base/result.h"
#include "tensor/tensor.h"

namespace slipway::gateway::grpc {

// Fills `out` with the elements in `contents`, whose number must be that of the shape. Integers
// that do not fit into the type are refused. INVALID_ARGUMENT: CONTENTS_TYPE for a field that is
// not that of the type (FP16 and BF16 have none), CONTENTS_SIZE, CONTENTS_RANGE.
Result<void> ReadTypedContents(std::string_view input, tensor::DataType type,
                               const tensor::Shape& shape, std::string_view contents,
                               tensor::Tensor& out);

}  // namespace slipway::gateway::grpc
