#include "gateway/grpc/infer_writer.h"

#include <vector>

#include "gateway/grpc/wire.h"
#include "gateway/v2/binary_tensor.h"
#include "gateway/v2/classification.h"
#include "gateway/v2/shared_tensor.h"

namespace slipway::gateway::grpc {
namespace {

// Of ModelStreamInferResponse.
constexpr uint32_t kErrorMessage = 1;
constexpr uint32_t kInferResponse = 2;

void WriteHead(const InferMessage& message, WireWriter& writer) {
  writer.Bytes(1, message.model);
  writer.Bytes(2, message.version);
  if (message.request.id) writer.Bytes(3, *message.request.id);
  if (!message.is_last) return;
  std::string value;
  WireWriter(value).Number(1, *message.is_last ? 1 : 0);
  std::string entry;
  WireWriter parameter(entry);
  parameter.Bytes(1, "triton_final_response");
  parameter.Bytes(2, value);
  writer.Element(4, entry);
}

void AppendParameter(std::string_view key, const std::string& value, WireWriter& writer) {
  std::string entry;
  WireWriter parameter(entry);
  parameter.Bytes(1, key);
  parameter.Bytes(2, value);
  writer.Element(4, entry);
}

// The fields `parameters` of an output that lies in shared memory.
std::string SharedParameters(const v2::SharedPlace& place, uint64_t bytes) {
  std::string parameters;
  WireWriter writer(parameters);
  const auto number = [](uint64_t value) {
    std::string text;
    WireWriter(text).Number(2, value);
    return text;
  };
  std::string region;
  WireWriter(region).Bytes(3, place.region);
  AppendParameter(v2::kSharedRegion, region, writer);
  if (place.offset > 0) {
    AppendParameter(v2::kSharedOffset, number(place.offset), writer);
  }
  AppendParameter(v2::kSharedByteSize, number(bytes), writer);
  return parameters;
}

// InferOutputTensor: its fields are all short, so that its length is counted before.
void WriteOutput(std::string_view name, const tensor::Tensor& output, std::string_view parameters,
                 std::string& out) {
  WireWriter writer(out);
  const std::string_view type = DataTypeName(output.type());
  size_t shape_bytes = 0;
  for (const int64_t dim : output.shape().dims()) {
    shape_bytes += VarintBytes(static_cast<uint64_t>(dim));
  }
  const auto field_bytes = [](size_t bytes) {
    return bytes == 0 ? 0 : 1 + VarintBytes(bytes) + bytes;
  };
  writer.Head(5, field_bytes(name.size()) + field_bytes(type.size()) + field_bytes(shape_bytes) +
                     parameters.size());
  writer.Bytes(1, name);
  writer.Bytes(2, type);
  writer.Packed(3, output.shape().dims());
  out.append(parameters);
}

// The outputs in the form that the client wants.
class Outputs {
 public:
  explicit Outputs(const InferMessage& message) : message_(message) {}

  Result<void> Rank() {
    const v2::InferRequest& request = message_.request;
    for (size_t i = 0; i < message_.outputs.size(); ++i) {
      if (request.forms[i].classes == 0) continue;
      if (ranked_.empty()) ranked_.resize(message_.outputs.size());
      TRY_VOID(v2::Classify(Spec(i), message_.outputs[i], request.forms[i].classes, ranked_[i]));
    }
    return {};
  }

  size_t size() const { return message_.outputs.size(); }
  const tensor::TensorSpec& Spec(size_t i) const {
    return message_.signature.outputs[message_.request.wanted[i]];
  }
  // Bytes of the output that are in the message.
  uint64_t RawSize(size_t i) const {
    return message_.request.SharedOf(i) == nullptr ? v2::BinarySize((*this)[i]) : 0;
  }
  const tensor::Tensor& operator[](size_t i) const {
    const bool is_ranked = message_.request.forms[i].classes > 0;
    return is_ranked ? ranked_[i] : message_.outputs[i];
  }

 private:
  const InferMessage& message_;
  std::vector<tensor::Tensor> ranked_;
};

}  // namespace

Result<void> WriteInferResponse(const InferMessage& message, std::string& out) {
  Outputs outputs(message);
  TRY_VOID(outputs.Rank());
  uint64_t bytes = 0;
  for (size_t i = 0; i < outputs.size(); ++i) bytes += outputs.RawSize(i);
  // Large answers are in one piece at once; small ones have room from the call before.
  constexpr uint64_t kHeads = 1024;
  if (bytes > kHeads) out.reserve(out.size() + bytes + kHeads);
  WireWriter writer(out);
  WriteHead(message, writer);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const v2::SharedOutput* shared = message.request.SharedOf(i);
    const std::string parameters =
        shared == nullptr ? std::string()
                          : SharedParameters(shared->place, v2::BinarySize(outputs[i]));
    WriteOutput(outputs.Spec(i).name, outputs[i], parameters, out);
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    // One in shared memory has an empty place here: clients count them.
    writer.Head(6, outputs.RawSize(i));
    if (outputs.RawSize(i) > 0) v2::AppendBinary(outputs[i], out);
  }
  return {};
}

Result<void> WriteStreamResponse(const InferMessage& message, std::string& out) {
  std::string response;
  TRY_VOID(WriteInferResponse(message, response));
  WireWriter(out).Element(kInferResponse, response);
  return {};
}

void WriteStreamError(std::string_view error, std::string_view id, std::string& out) {
  std::string response;
  WireWriter(response).Bytes(3, id);
  WireWriter writer(out);
  writer.Bytes(kErrorMessage, error);
  if (!response.empty()) writer.Element(kInferResponse, response);
}

}  // namespace slipway::gateway::grpc
