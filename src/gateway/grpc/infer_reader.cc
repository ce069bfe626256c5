#include "gateway/grpc/infer_reader.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <string>

#include "base/utf8.h"
#include "gateway/grpc/parameter.h"
#include "gateway/grpc/typed_contents.h"
#include "gateway/grpc/wire.h"
#include "gateway/limits.h"
#include "gateway/v2/binary_tensor.h"
#include "gateway/v2/shared_tensor.h"
#include "gateway/v2/signature_check.h"
#include "runtime/limits.h"

namespace slipway::gateway::grpc {
namespace {

constexpr std::string_view kRequest = "ModelInferRequest";
constexpr std::string_view kFinalResponse = "triton_enable_empty_final_response";

struct Input {
  std::string_view name;
  std::string_view datatype;
  tensor::Shape shape;
  std::string_view contents;
  v2::SharedParameters shared;
};

Result<void> AppendDimension(uint64_t dimension, Input& input) {
  if (input.shape.Append(static_cast<int64_t>(dimension))) return {};
  return v2::MemberFault("shape", "more than " + std::to_string(tensor::kMaxRank) +
                                      " dimensions, the most that a tensor may have");
}

Result<void> AppendDimensions(const WireField& field, Input& input) {
  if (field.type == WireType::kVarint) return AppendDimension(field.value, input);
  std::string_view packed = field.bytes;
  while (!packed.empty()) {
    const std::optional<uint64_t> dimension = ReadVarint(packed);
    if (!dimension) return BrokenMessage(kRequest);
    TRY_VOID(AppendDimension(*dimension, input));
  }
  return {};
}

// One of the parameters of a tensor that say where it lies in shared memory.
Result<void> ReadSharedParameter(const Parameter& parameter, v2::SharedParameters& out) {
  if (parameter.key == v2::kSharedRegion) {
    TRY(region, parameter.AsText());
    out.region = region;
  } else if (parameter.key == v2::kSharedByteSize) {
    TRY(size, parameter.AsUnsigned());
    out.byte_size = size;
  } else if (parameter.key == v2::kSharedOffset) {
    TRY(offset, parameter.AsUnsigned());
    out.offset = offset;
  }
  return {};
}

}  // namespace

Result<void> InferReader::Open(std::string_view bytes) {
  model_ = version_ = id_ = {};
  parameters_.clear();
  inputs_.clear();
  outputs_.clear();
  raw_.clear();
  parameter_count_ = 0;
  WireReader reader(bytes);
  for (WireField field; reader.Next(field);) {
    if (field.type != WireType::kBytes) continue;
    switch (field.number) {
      case 1:
        model_ = field.bytes;
        break;
      case 2:
        version_ = field.bytes;
        break;
      case 3:
        id_ = field.bytes;
        break;
      case 4:
        if (parameters_.size() <= kMaxParameters) parameters_.push_back(field.bytes);
        break;
      case 5:
        if (inputs_.size() <= kMaxRequestTensors) inputs_.push_back(field.bytes);
        break;
      case 6:
        if (outputs_.size() <= kMaxRequestTensors) outputs_.push_back(field.bytes);
        break;
      case 7:
        if (raw_.size() <= kMaxRequestTensors) raw_.push_back(field.bytes);
        break;
      default:
        break;
    }
  }
  if (reader.is_broken()) return BrokenMessage(kRequest);
  return {};
}

Result<void> InferReader::Read(const v2::ModelFace& model, v2::InferRequest& out) {
  out.Clear(model.signature);
  seen_.assign(model.signature.inputs.size(), 0);
  wants_final_ = false;
  if (std::max({inputs_.size(), outputs_.size(), raw_.size()}) > kMaxRequestTensors) {
    return v2::MemberFault("inputs", "more than " + std::to_string(kMaxRequestTensors) +
                                         " tensors, the most that one request may have");
  }
  if (id_.size() > kMaxIdBytes) {
    return v2::MemberFault("id", "longer than " + std::to_string(kMaxIdBytes) + " bytes");
  }
  if (FindInvalidUtf8(id_)) return v2::MemberFault("id", "it is not UTF-8");
  if (!id_.empty()) out.id = id_;
  TRY_VOID(ReadParameters(out));
  raw_taken_ = 0;
  for (size_t i = 0; i < inputs_.size(); ++i) TRY_VOID(ReadInput(model, i, out));
  if (!raw_.empty() && raw_.size() != raw_taken_) return WrongRawCount();
  TRY_VOID(v2::CheckComplete(model, seen_));
  for (const std::string_view output : outputs_) TRY_VOID(ReadOutput(model, output, out));
  if (outputs_.empty()) out.WantAll(model.signature, {.binary = true});
  return {};
}

Error InferReader::WrongRawCount() const {
  return v2::MemberFault("raw_input_contents",
                         "expected one raw input for each input of the message that is not in "
                         "shared memory, but got " +
                             std::to_string(raw_.size()));
}

Result<void> InferReader::CountParameter() {
  if (++parameter_count_ <= kMaxParameters) return {};
  return v2::MemberFault("parameters", "more than " + std::to_string(kMaxParameters) +
                                           " parameters, the most that one request may have");
}

Result<void> InferReader::ReadParameters(v2::InferRequest& out) {
  for (const std::string_view entry : parameters_) {
    TRY_VOID(CountParameter());
    TRY(parameter, ReadParameter(entry));
    if (parameter.key == kFinalResponse) {
      TRY(wanted, parameter.AsBool());
      wants_final_ = wanted;
    } else if (parameter.key.starts_with("triton_")) {
      return v2::MemberFault(
          "parameters", "parameter keys starting with 'triton_' are reserved for Triton usage");
    } else if (parameter.key == "timeout") {
      TRY(timeout, parameter.AsUnsigned());
      const uint64_t most = std::chrono::microseconds(runtime::kMaxRequestTimeout).count();
      if (timeout > 0) out.timeout = std::chrono::microseconds(std::min(timeout, most));
    } else if (parameter.key == "priority") {
      TRY(priority, parameter.AsUnsigned());
      out.priority = priority;
    }
  }
  return {};
}

Result<void> InferReader::ReadInput(const v2::ModelFace& model, size_t number,
                                    v2::InferRequest& out) {
  Input input;
  WireReader reader(inputs_[number]);
  for (WireField field; reader.Next(field);) {
    if (field.IsBytes(1)) {
      input.name = field.bytes;
    } else if (field.IsBytes(2)) {
      input.datatype = field.bytes;
    } else if (field.number == 3) {
      TRY_VOID(AppendDimensions(field, input));
    } else if (field.IsBytes(4)) {
      TRY_VOID(CountParameter());
      TRY(parameter, ReadParameter(field.bytes));
      TRY_VOID(ReadSharedParameter(parameter, input.shared));
    } else if (field.IsBytes(5)) {
      input.contents = field.bytes;
    }
  }
  if (reader.is_broken()) return BrokenMessage(kRequest);
  TRY(at, v2::TakeInput(model, input.name, seen_));
  TRY_VOID(v2::CheckType(model, at, input.datatype));
  TRY_VOID(v2::CheckShape(model, at, input.shape));
  const tensor::TensorSpec& spec = model.signature.inputs[at];
  if (input.shared) {
    if (!input.contents.empty()) {
      return v2::MemberFault("contents",
                             "unexpected 'content' provided when using shared memory for input "
                             "tensor '" +
                                 spec.name + "' for model '" + std::string(model.name) + "'");
    }
    TRY(place, input.shared.Place(spec.name));
    out.shared_inputs.push_back({.position = at, .shape = input.shape, .place = std::move(place)});
    return {};
  }
  if (raw_.empty()) {
    // Each element takes a byte at least: what cannot be there is refused by its reader.
    TRY(count, input.shape.ElementCount());
    if (count <= input.contents.size()) TRY_VOID(out.Hold(spec.type, input.shape));
    return ReadTypedContents(spec.name, spec.type, input.shape, input.contents, out.inputs[at]);
  }
  if (!input.contents.empty()) {
    return v2::MemberFault("contents",
                           "contents field must not be specified when using raw_input_contents "
                           "for '" +
                               spec.name + "' for model '" + std::string(model.name) + "'");
  }
  if (raw_taken_ == raw_.size()) return WrongRawCount();
  return v2::ReadBinary(spec.name, spec.type, input.shape, raw_[raw_taken_++], out.inputs[at]);
}

Result<void> InferReader::ReadOutput(const v2::ModelFace& model, std::string_view bytes,
                                     v2::InferRequest& out) {
  std::string_view name;
  v2::OutputForm form{.binary = true};
  v2::SharedParameters shared;
  WireReader reader(bytes);
  for (WireField field; reader.Next(field);) {
    if (field.IsBytes(1)) {
      name = field.bytes;
    } else if (field.IsBytes(2)) {
      TRY_VOID(CountParameter());
      TRY(parameter, ReadParameter(field.bytes));
      TRY_VOID(ReadSharedParameter(parameter, shared));
      if (parameter.key != "classification") continue;
      TRY(classes, parameter.AsUnsigned());
      form.classes = static_cast<uint32_t>(std::min<uint64_t>(classes, UINT32_MAX));
    }
  }
  if (reader.is_broken()) return BrokenMessage(kRequest);
  TRY_VOID(v2::WantOutput(model, name, form, out));
  if (!shared) return {};
  return v2::WantShared(shared, name, out);
}

}  // namespace slipway::gateway::grpc
