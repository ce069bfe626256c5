// BYTES tensors to and from ONNX Runtime, which keeps strings of its own.
#pragma once

#include "engine/onnxruntime/ort_api.h"
#include "engine/plugin.h"

namespace slipway::engine::ort {

// A string tensor with copies of the elements.
Result<ValuePtr> MakeStrings(const SlipwayTensor& tensor);
// Copies the elements of `value` into memory that the tensor's `release` frees.
Result<void> CopyStrings(const OrtValue* value, SlipwayTensor& tensor);

}  // namespace slipway::engine::ort
