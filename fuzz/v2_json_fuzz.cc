// Bodies of V2 inference requests: whatever the bytes are, they are read into tensors that hold
// together, or refused with a sentence.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "gateway/v2/request_parser.h"
#include "gateway/v2/response_writer.h"

namespace {

using slipway::tensor::DataType;
using slipway::tensor::Signature;

// One input for each data type, picked by the first byte of the fuzzer, and one of two inputs.
Signature SignatureFor(uint8_t choice) {
  Signature signature;
  const auto type = slipway::tensor::DataTypeFromNumber(choice % 15).value_or(DataType::kFp32);
  signature.inputs.push_back({.name = "x", .type = type, .shape = {-1, 2}});
  signature.outputs.push_back({.name = "y", .type = type, .shape = {-1, 2}});
  if (choice >= 128) {
    signature.inputs.push_back({.name = "z", .type = DataType::kInt64, .shape = {-1}});
    signature.outputs.push_back({.name = "w", .type = DataType::kInt64, .shape = {-1}});
  }
  return signature;
}

void CheckRequest(const Signature& signature, const slipway::gateway::v2::InferRequest& request) {
  CHECK(request.inputs.size() == signature.inputs.size());
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    const auto& input = request.inputs[i];
    CHECK(input.type() == signature.inputs[i].type);
    CHECK(slipway::tensor::Matches(signature.inputs[i], input.shape()));
    CHECK(input.element_count() == input.shape().ElementCount().value());
    if (input.type() == DataType::kBytes) CHECK(input.strings().size() == input.element_count());
  }
  CHECK(!request.wanted.empty());
  for (uint32_t position : request.wanted) CHECK(position < signature.outputs.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static slipway::gateway::v2::RequestParser parser;
  static slipway::gateway::v2::InferRequest request;
  if (size == 0) return 0;
  const Signature signature = SignatureFor(data[0]);
  std::string body(reinterpret_cast<const char*>(data + 1), size - 1);
  body.reserve(body.size() + slipway::gateway::v2::kBodyPadding);
  const auto parsed = parser.Parse(body, "", {.name = "m", .signature = signature}, request);
  if (parsed.has_error()) {
    CHECK(!parsed.error().message().empty());
    return 0;
  }
  CheckRequest(signature, request);
  // The inputs as outputs: what was read can be written.
  std::string answer;
  const uint32_t wanted[] = {0};
  const auto written = slipway::gateway::v2::WriteAnswer({.id = request.id,
                                                          .model = "m",
                                                          .version = "1",
                                                          .signature = signature,
                                                          .wanted = wanted,
                                                          .outputs = {request.inputs.data(), 1}},
                                                         answer);
  CHECK(written.has_value());
  return 0;
}
