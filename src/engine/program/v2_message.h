// Messages of the V2 protocol over REST as a client writes and reads them: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tensor/signature.h"
#include "tensor/tensor.h"

namespace slipway::engine::program {

// A body, and how many bytes of it are JSON where tensors lie behind.
struct V2Message {
  std::string body;
  uint64_t header_bytes = 0;  // 0: it is JSON alone
};

struct V2Metadata {
  std::string platform;
  tensor::Signature signature;
};

// Of GET /v2: whether the server knows tensors behind the JSON.
bool HasBinaryTensors(std::string_view body);
// Of GET /v2/models/NAME. FAILED_PRECONDITION / PROGRAM_METADATA, with the field.
Result<V2Metadata> ReadMetadata(std::string_view body, std::string_view name);

// A request for the outputs `wanted`. INVALID_ARGUMENT / PROGRAM_JSON for what JSON has no place
// for, where `binary` is not set.
Result<V2Message> WriteRequest(const tensor::Signature& signature,
                               std::span<const tensor::Tensor> inputs,
                               std::span<const uint32_t> wanted, bool binary);

// Tensors of an answer; those of binary parts show `body`, which outlives them. `header_bytes` as
// above. INTERNAL / PROGRAM_ANSWER, with the field, for what is no answer to that request.
Result<void> ReadAnswer(std::string& body, uint64_t header_bytes,
                        const tensor::Signature& signature, std::span<const uint32_t> wanted,
                        std::span<tensor::Tensor> outputs);

// What an answer with such a status says: the field "error" of the body, else its beginning.
Error ErrorOfAnswer(int status, std::string_view body);

}  // namespace slipway::engine::program
