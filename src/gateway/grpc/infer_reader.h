// InferReader: takes a ModelInferRequest apart, from the wire straight into tensors.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gateway/v2/infer_request.h"

namespace slipway::gateway::grpc {

// Keeps memory from request to request; one for each core. Not thread-safe.
class InferReader {
 public:
  // Finds the parts of a message, which stay in `bytes`. INVALID_ARGUMENT / MESSAGE_INVALID.
  Result<void> Open(std::string_view bytes);
  // Of the open message.
  std::string_view model() const { return model_; }
  std::string_view version() const { return version_; }
  std::string_view id() const { return id_; }
  // Entries of the request's own map, for ReadParameter.
  std::span<const std::string_view> parameters() const { return parameters_; }
  // The request for this model. Numbers may be shown where they are: `bytes` live as long as their
  // use. INVALID_ARGUMENT, which says what is wrong.
  Result<void> Read(const v2::ModelFace& model, v2::InferRequest& out);
  // After Read: the client asks for an empty last answer (triton_enable_empty_final_response).
  bool wants_final() const { return wants_final_; }

 private:
  Result<void> ReadParameters(v2::InferRequest& out);
  Result<void> ReadInput(const v2::ModelFace& model, size_t number, v2::InferRequest& out);
  Result<void> ReadOutput(const v2::ModelFace& model, std::string_view bytes,
                          v2::InferRequest& out);
  Result<void> CountParameter();
  Error WrongRawCount() const;

  std::string_view model_;
  std::string_view version_;
  std::string_view id_;
  std::vector<std::string_view> parameters_;
  std::vector<std::string_view> inputs_;
  std::vector<std::string_view> outputs_;
  std::vector<std::string_view> raw_;
  std::vector<uint8_t> seen_;
  size_t parameter_count_ = 0;
  size_t raw_taken_ = 0;
  bool wants_final_ = false;
};

}  // namespace slipway::gateway::grpc
