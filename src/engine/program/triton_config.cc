#include "engine/program/triton_config.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/log.h"
#include "engine/statement_file.h"
#include "tensor/data_type.h"
#include "tensor/stated_signature.h"

namespace slipway::engine::program {
namespace {

constexpr int64_t kMaxBatchSize = 1 << 20;
constexpr const char* kMaxBatchSizeAt = "/extensions/triton/maxBatchSize";
constexpr std::string_view kMaxBatchSizeName = "extensions.triton.maxBatchSize";

// A string of the text format.
std::string Quoted(std::string_view text) {
  constexpr char kOctal[] = "01234567";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < ' ' || byte == 0x7f) {
      out += '\\';
      out += kOctal[byte >> 6];
      out += kOctal[(byte >> 3) & 7];
      out += kOctal[byte & 7];
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string TypeName(tensor::DataType type) {
  if (type == tensor::DataType::kBytes) return "TYPE_STRING";
  return "TYPE_" + std::string(DataTypeName(type));
}

// From dimension `first` on. Without any the caller still sends one, of length 1, which the model
// does not see: Triton has no other form for it.
std::string Dims(const tensor::Shape& shape, size_t first) {
  if (first >= shape.rank()) return "dims: [ 1 ] reshape { shape: [ ] }";
  std::string out = "dims: [ ";
  for (size_t i = first; i < shape.rank(); ++i) {
    if (i > first) out += ", ";
    out += std::to_string(shape[i]);
  }
  return out + " ]";
}

void AddTensors(std::string_view field, const std::vector<tensor::TensorSpec>& specs, size_t first,
                std::string& out) {
  for (const tensor::TensorSpec& spec : specs) {
    out.append(field).append(" { name: ").append(Quoted(spec.name));
    out.append(" data_type: ").append(TypeName(spec.type));
    out.append(" ").append(Dims(spec.shape, first)).append(" }\n");
  }
}

Error Wrong(std::string_view file, const std::string& member, const std::string& what) {
  return InvalidArgument("SIGNATURE_INVALID", std::string(file) + ": " + member + ": " + what);
}

Result<uint32_t> MaxBatchSizeOf(std::string_view file, const Json& document) {
  const Json::json_pointer at(kMaxBatchSizeAt);
  if (!document.contains(at)) return 0;
  const Json& value = document.at(at);
  if (value.is_number_integer() && value >= 0 && value <= kMaxBatchSize) {
    return value.get<uint32_t>();
  }
  return Wrong(
      file, std::string(kMaxBatchSizeName),
      "expected a number from 0 to " + std::to_string(kMaxBatchSize) + ", got " + DumpJson(value));
}

// What Triton would refuse in words that do not name the model.yaml.
Result<void> CheckShapes(std::string_view file, const std::string& role,
                         std::span<const tensor::TensorSpec> specs, uint32_t max_batch_size) {
  for (size_t at = 0; at < specs.size(); ++at) {
    const tensor::Shape& shape = specs[at].shape;
    const std::string member = "signature." + role + "[" + std::to_string(at) + "].shape";
    if (max_batch_size > 0 && (shape.rank() == 0 || shape[0] != -1)) {
      return Wrong(file, member,
                   "its first dimension has to be -1, because of " +
                       std::string(kMaxBatchSizeName) + ", which is not 0");
    }
    if (shape.rank() == 0) return Wrong(file, member, "Triton has no tensors without dimensions");
    for (size_t i = 0; i < shape.rank(); ++i) {
      if (shape[i] == 0) return Wrong(file, member, "Triton has no dimensions of length 0");
    }
  }
  return {};
}

}  // namespace

Result<void> TakeStatement(std::string_view file, std::string_view text, TritonModel& model) {
  TRY(document, tensor::ParseStatement(file, text));
  if (!document.contains("signature")) return {};
  TRY(signature, tensor::StatedSignature(file, document));
  TRY(max_batch_size, MaxBatchSizeOf(file, document));
  TRY_VOID(CheckShapes(file, "inputs", signature.inputs, max_batch_size));
  TRY_VOID(CheckShapes(file, "outputs", signature.outputs, max_batch_size));
  model.signature = std::move(signature);
  model.max_batch_size = max_batch_size;
  return {};
}

void AddStatement(const std::filesystem::path& folder, TritonModel& model) {
  const auto taken = [&]() -> Result<void> {
    TRY(statement, ReadStatement(folder));
    if (statement.text.empty()) return {};
    return TakeStatement(statement.file, statement.text, model);
  }();
  if (taken.has_value()) return;
  LogWarning("a model's inputs and outputs are left to Triton",
             {{"model", model.name}, {"error", taken.error()}});
}

std::string TritonConfig(const TritonModel& model) {
  std::string out = "name: " + Quoted(model.name) + "\n";
  out.append(model.runner).append("\n");
  if (model.signature) {
    out += "max_batch_size: " + std::to_string(model.max_batch_size) + "\n";
    const size_t first = model.max_batch_size > 0 ? 1 : 0;
    AddTensors("input", model.signature->inputs, first, out);
    AddTensors("output", model.signature->outputs, first, out);
  }
  return out;
}

}  // namespace slipway::engine::program
