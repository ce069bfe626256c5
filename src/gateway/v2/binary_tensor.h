// BinaryTensor: the elements of a tensor as bytes, as the binary tensor data extension of the V2
// protocol and the raw contents of its gRPC messages carry them.
//
// Numbers are little endian and row-major, BOOL is a byte 0 or 1, each element of BYTES is a 32-bit
// length and its bytes. Source: Triton's protocol extension "binary tensor data".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "gateway/v2/infer_request.h"
#include "tensor/tensor.h"

namespace slipway::gateway::v2 {

// What is left of the tensors behind a JSON request: inputs take theirs in the order in which the
// request names them.
class BinaryTail {
 public:
  BinaryTail() = default;
  explicit BinaryTail(std::string_view bytes) : bytes_(bytes), left_(bytes.size()) {}

  // The next `size` bytes. INVALID_ARGUMENT / BINARY_TRUNCATED when fewer are left.
  Result<std::string_view> Take(uint64_t size, std::string_view input);
  uint64_t left() const { return left_; }

 private:
  std::string_view bytes_;
  uint64_t left_ = 0;
};

// Lets `out` have the elements in `bytes`: it shows them where they are, if they lie so that an
// engine may read them there, else it copies them; `bytes` must live as long as their use.
// INVALID_ARGUMENT: BINARY_SIZE when the bytes are not those of `shape`, BINARY_STRING,
// BINARY_BOOL.
Result<void> ReadBinary(std::string_view input, tensor::DataType type, const tensor::Shape& shape,
                        std::string_view bytes, tensor::Tensor& out);

// A request without JSON: all of `bytes` is the model's one input. At most one of its dimensions
// may be open, two where the first counts requests, which is then 1; of type BYTES it is one
// string, without its length. Every output is wanted, in binary form. INVALID_ARGUMENT: RAW_INPUT.
Result<void> ReadRawRequest(std::string_view bytes, const ModelFace& model, InferRequest& out);

// Bytes that AppendBinary appends.
uint64_t BinarySize(const tensor::Tensor& tensor);
void AppendBinary(const tensor::Tensor& tensor, std::string& out);

}  // namespace slipway::gateway::v2
