// What a program that speaks V2 says: of its model, and as an answer. Whatever the bytes are, they
// become tensors as the metadata says them, or a sentence.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "engine/program/v2_message.h"
#include "tensor/tensor.h"

namespace program = slipway::engine::program;
using slipway::tensor::DataType;
using slipway::tensor::Signature;
using slipway::tensor::Tensor;

namespace {

Signature SignatureFor(uint8_t choice) {
  Signature signature;
  const auto type = slipway::tensor::DataTypeFromNumber(choice % 15).value_or(DataType::kFp32);
  signature.outputs.push_back({.name = "y", .type = type, .shape = {-1, -1}});
  signature.outputs.push_back({.name = "z", .type = DataType::kBytes, .shape = {-1}});
  return signature;
}

void CheckAnswer(const uint8_t* data, size_t size) {
  const Signature signature = SignatureFor(data[0]);
  const std::vector<uint32_t> wanted =
      data[0] < 128 ? std::vector<uint32_t>{0} : std::vector<uint32_t>{1, 0};
  // Two bytes say how much of it is JSON; 0 is all.
  const uint64_t header_bytes = data[1] | data[2] << 8;
  std::string body(reinterpret_cast<const char*>(data + 3), size - 3);
  std::vector<Tensor> outputs(wanted.size());
  const auto read = program::ReadAnswer(body, header_bytes, signature, wanted, outputs);
  if (read.has_error()) {
    CHECK(!read.error().reason().empty() && !read.error().message().empty());
    return;
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    const auto& spec = signature.outputs[wanted[i]];
    CHECK(outputs[i].type() == spec.type && Matches(spec, outputs[i].shape()));
    uint64_t sum = 0;
    if (spec.type == DataType::kBytes) {
      CHECK(outputs[i].strings().size() == outputs[i].element_count());
      for (const std::string_view text : outputs[i].strings()) {
        for (const char c : text) sum += static_cast<unsigned char>(c);
      }
    } else {
      const auto* const bytes = reinterpret_cast<const uint8_t*>(outputs[i].data());
      for (size_t at = 0; at < outputs[i].size_bytes(); ++at) sum += bytes[at];
    }
    CHECK(sum != UINT64_MAX);  // all of it was read
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  CheckAnswer(data, size);
  const std::string_view text(reinterpret_cast<const char*>(data + 3), size - 3);
  static_cast<void>(program::HasBinaryTensors(text));
  CHECK(!program::ErrorOfAnswer(data[1] | data[2] << 8, text).message().empty());
  const auto metadata = program::ReadMetadata(text, "m");
  if (metadata.has_value()) CHECK(CheckSignature(metadata->signature).has_value());
  return 0;
}
