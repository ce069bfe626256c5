// Element types, shapes, names and errors of OpenVINO in our terms.
#pragma once

#include <exception>
#include <optional>
#include <string>

#include <openvino/runtime/compiled_model.hpp>

#include "base/result.h"
#include "engine/plugin.h"
#include "tensor/signature.h"

namespace slipway::engine::ov_engine {

std::optional<tensor::DataType> FromOpenVino(ov::element::Type type);
ov::element::Type ToOpenVino(tensor::DataType type);

// Inputs and outputs of a model in its own order. A tensor with several names goes by that of its
// input or output in the graph, else by the shortest. UNIMPLEMENTED / MODEL_KIND for what the V2
// protocol has no tensors for: ranks that are open, types such as complex and 4-bit numbers.
Result<tensor::Signature> ReadSignature(const ov::CompiledModel& model);

// What an exception of the library says, without the places in its sources that it passed.
std::string Words(const std::exception& exception);

// A view of the host's memory, or for strings a copy.
ov::Tensor ViewOf(const SlipwayTensor& tensor);
// Copies what the library gave: into the memory that `out` brings where the shape is as foreseen,
// else into memory of its own. INTERNAL / RUN_FAILED for a type or rank that nobody had told.
Result<void> CopyTo(const ov::Tensor& tensor, SlipwayTensor& out);

}  // namespace slipway::engine::ov_engine
