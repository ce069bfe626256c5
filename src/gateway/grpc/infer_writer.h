// InferWriter: a ModelInferResponse.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "gateway/v2/infer_request.h"
#include "tensor/tensor.h"

namespace slipway::gateway::grpc {

struct InferMessage {
  std::string_view model;  // as the client calls it
  std::string_view version;
  const tensor::Signature& signature;
  const v2::InferRequest& request;
  std::span<const tensor::Tensor> outputs;  // one for each of request.wanted
  std::optional<bool> is_last = {};         // triton_final_response, where it is said
};

// Appends it, with all outputs as raw_output_contents. INVALID_ARGUMENT / CLASSIFICATION where
// classes are wanted of an output that has none; what was appended then is worthless.
Result<void> WriteInferResponse(const InferMessage& message, std::string& out);
// The same as the infer_response of a ModelStreamInferResponse.
Result<void> WriteStreamResponse(const InferMessage& message, std::string& out);
// A ModelStreamInferResponse that says what went wrong with the request `id`.
void WriteStreamError(std::string_view error, std::string_view id, std::string& out);

}  // namespace slipway::gateway::grpc
