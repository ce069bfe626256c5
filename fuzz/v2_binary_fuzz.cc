// Binary tensors of V2 inference requests: whatever the bytes are, they are read into tensors that
// hold together, or refused with a sentence; what was read is written as the same bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "gateway/v2/binary_tensor.h"
#include "gateway/v2/request_parser.h"

namespace {

using slipway::gateway::v2::InferRequest;
using slipway::tensor::DataType;
using slipway::tensor::Signature;

// One input x of the type that `choice` picks, and a second of any shape behind it.
Signature SignatureFor(uint8_t choice) {
  Signature signature;
  const auto type = slipway::tensor::DataTypeFromNumber(choice % 15).value_or(DataType::kFp32);
  signature.inputs.push_back({.name = "x", .type = type, .shape = {-1, -1}});
  signature.outputs.push_back({.name = "y", .type = type, .shape = {-1, -1}});
  if (choice >= 128) {
    signature.inputs.push_back({.name = "z", .type = DataType::kBytes, .shape = {-1}});
  }
  return signature;
}

uint64_t CheckInputs(const Signature& signature, const InferRequest& request) {
  CHECK(request.inputs.size() == signature.inputs.size());
  CHECK(request.wanted.size() == request.forms.size());
  uint64_t bytes = 0;
  for (const auto& input : request.inputs) {
    if (input.type() == DataType::kBytes) CHECK(input.strings().size() == input.element_count());
    std::string written;
    slipway::gateway::v2::AppendBinary(input, written);
    CHECK(written.size() == slipway::gateway::v2::BinarySize(input));
    bytes += written.size();
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static slipway::gateway::v2::RequestParser parser;
  static InferRequest request;
  if (size < 3) return 0;
  const Signature signature = SignatureFor(data[0]);
  const slipway::gateway::v2::ModelFace face{.name = "m", .signature = signature};
  // Two bytes say where the JSON ends; 0 is a raw request.
  std::string body(reinterpret_cast<const char*>(data + 3), size - 3);
  const size_t json = std::min<size_t>(data[1] | data[2] << 8, body.size());
  body.reserve(body.size() + slipway::gateway::v2::kBodyPadding);
  if (json == 0) {
    const auto read = ReadRawRequest(body, face, request);
    if (read.has_error()) return 0;
    const bool is_string = request.inputs[0].type() == DataType::kBytes;
    CHECK(CheckInputs(signature, request) == body.size() + (is_string ? sizeof(uint32_t) : 0));
    return 0;
  }
  const std::string_view all = body;
  const auto parsed = parser.Parse(all.substr(0, json), all.substr(json), face, request);
  if (parsed.has_error()) {
    CHECK(!parsed.error().message().empty());
    return 0;
  }
  CheckInputs(signature, request);
  return 0;
}
