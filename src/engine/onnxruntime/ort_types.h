// Element types and signatures of ONNX Runtime in our terms.
#pragma once

#include <optional>

#include "engine/onnxruntime/ort_api.h"
#include "tensor/signature.h"

namespace slipway::engine::ort {

std::optional<tensor::DataType> FromOrt(ONNXTensorElementDataType type);
ONNXTensorElementDataType ToOrt(tensor::DataType type);

// Inputs and outputs of a loaded model. UNIMPLEMENTED / MODEL_KIND for what the V2 protocol has no
// tensors for: sequences, maps (`zipmap`), optionals, complex and 4- and 8-bit numbers.
Result<tensor::Signature> ReadSignature(const OrtSession* session);

}  // namespace slipway::engine::ort
