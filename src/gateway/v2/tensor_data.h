// TensorData: the `data` of an input, from JSON straight into a tensor.
#pragma once

#include <string_view>

#include "base/result.h"
#include "gateway/v2/json_fault.h"
#include "gateway/v2/simdjson.h"
#include "tensor/tensor.h"

namespace slipway::gateway::v2 {

// Fills `tensor`, whose type and shape are set, with the elements of `array`, flat or nested, in
// row-major order; their number must be that of the shape. Integers are exact or refused. NaN,
// Infinity, -Infinity and null are numbers of the floating types; numbers too large for FP16, BF16
// or FP32 become infinite, beyond FP64 they are refused; FP16 and BF16 are rounded to nearest even.
// BOOL takes true, false, 0 and 1. `depth` is the nesting of `array` itself.
Result<void> FillTensor(simdjson::ondemand::array array, std::string_view input, int depth,
                        const JsonPlace& place, tensor::Tensor& tensor);

}  // namespace slipway::gateway::v2
