// ResponseWriter: the JSON of an inference answer.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "gateway/v2/infer_request.h"
#include "tensor/signature.h"
#include "tensor/tensor.h"

namespace slipway::gateway::v2 {

// How numbers that JSON does not have are written.
enum class NonFinite : uint8_t {
  kNull,  // valid JSON
  kBare,  // NaN, Infinity, -Infinity, as Triton does
};

struct InferAnswer {
  const std::optional<std::string>& id;
  std::string_view model;
  std::string_view version;
  const tensor::Signature& signature;
  std::span<const uint32_t> wanted;         // positions of the outputs in the signature
  std::span<const OutputForm> forms;        // one for each, or none: all of them in the JSON
  std::span<const tensor::Tensor> outputs;  // one for each
  // Those that are not in the answer: it says where they are.
  std::span<const SharedOutput> shared = {};
  NonFinite non_finite = NonFinite::kNull;
  bool json_alone = false;  // who asks appends the binary outputs himself, or sends them behind it
};

// Appends the JSON of the answer and behind it the outputs whose form is binary; returns the bytes
// of the JSON. An output of which classes are wanted comes as they are. INVALID_ARGUMENT /
// CLASSIFICATION where it has none; UNIMPLEMENTED / OUTPUT_NOT_UTF8 for BYTES that JSON cannot
// carry; what was appended then is worthless. Floating-point numbers are the shortest that read
// back as the same number of their type, always with a point or an exponent.
Result<size_t> WriteAnswer(const InferAnswer& answer, std::string& out);

// How every answer begins: the brace, id, model and version, without a comma behind them.
void WriteAnswerHead(const InferAnswer& answer, std::string& out);

// The elements alone, with commas between them.
Result<void> WriteElements(const tensor::Tensor& tensor, std::string_view name, NonFinite style,
                           std::string& out);

// A JSON string with its quotes; `text` is valid UTF-8.
void WriteJsonString(std::string_view text, std::string& out);

}  // namespace slipway::gateway::v2
