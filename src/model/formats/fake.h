// The model file of the fake engine, as far as its signature goes: {"inputs": [{"name", "datatype",
// "shape"}], "outputs": [...], ...}. The rest is the engine's.
#pragma once

#include "base/file_system.h"
#include "base/result.h"
#include "tensor/signature.h"

namespace slipway::model {

// INVALID_ARGUMENT / MODEL_INVALID.
Result<tensor::Signature> ReadFakeSignature(File& file);

}  // namespace slipway::model
