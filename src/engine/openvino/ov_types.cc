#include "engine/openvino/ov_types.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::engine::ov_engine {
namespace {

using tensor::DataType;

struct Row {
  DataType ours;
  ov::element::Type_t theirs;
};

constexpr std::array kRows = {
    Row{DataType::kBool, ov::element::Type_t::boolean},
    Row{DataType::kUint8, ov::element::Type_t::u8},
    Row{DataType::kUint16, ov::element::Type_t::u16},
    Row{DataType::kUint32, ov::element::Type_t::u32},
    Row{DataType::kUint64, ov::element::Type_t::u64},
    Row{DataType::kInt8, ov::element::Type_t::i8},
    Row{DataType::kInt16, ov::element::Type_t::i16},
    Row{DataType::kInt32, ov::element::Type_t::i32},
    Row{DataType::kInt64, ov::element::Type_t::i64},
    Row{DataType::kFp16, ov::element::Type_t::f16},
    Row{DataType::kFp32, ov::element::Type_t::f32},
    Row{DataType::kFp64, ov::element::Type_t::f64},
    Row{DataType::kBytes, ov::element::Type_t::string},
    Row{DataType::kBf16, ov::element::Type_t::bf16},
};

bool IsShorter(const std::string& a, const std::string& b) {
  return std::pair(a.size(), std::string_view(a)) < std::pair(b.size(), std::string_view(b));
}

// Ports without a name get one by their position, as nobody else could tell them apart.
std::string NameOf(const ov::Output<const ov::Node>& port, std::string_view role, size_t position) {
  const auto& names = port.get_names();
  if (names.empty()) return std::string(role) + "_" + std::to_string(position);
  const std::string& node = port.get_node()->get_friendly_name();
  for (const std::string& own : {node, node + ":0"}) {
    if (names.contains(own)) return own;
  }
  return *std::ranges::min_element(names, IsShorter);
}

Result<tensor::TensorSpec> ReadSpec(const ov::Output<const ov::Node>& port, std::string_view role,
                                    size_t position) {
  tensor::TensorSpec spec{.name = NameOf(port, role, position)};
  const std::string what = std::string(role) + " '" + spec.name + "'";
  const std::optional<DataType> type = FromOpenVino(port.get_element_type());
  if (!type) {
    return Unimplemented("MODEL_KIND", what + " has the type " +
                                           port.get_element_type().to_string() +
                                           ", for which the V2 protocol has no data type");
  }
  spec.type = *type;
  const ov::PartialShape& shape = port.get_partial_shape();
  if (shape.rank().is_dynamic()) {
    return Unimplemented("MODEL_KIND", what +
                                           " may have any number of dimensions: export the model "
                                           "again with a shape whose rank is fixed");
  }
  for (const ov::Dimension& dimension : shape) {
    const int64_t length = dimension.is_static() ? dimension.get_length() : tensor::Shape::kAny;
    if (!spec.shape.Append(length)) {
      return Unimplemented("MODEL_KIND", what + " has " + std::to_string(shape.size()) +
                                             " dimensions, " + std::to_string(tensor::kMaxRank) +
                                             " are allowed");
    }
    spec.symbols.emplace_back();
  }
  return spec;
}

Result<std::vector<tensor::TensorSpec>> ReadSpecs(
    const std::vector<ov::Output<const ov::Node>>& ports, std::string_view role) {
  std::vector<tensor::TensorSpec> specs;
  for (const auto& port : ports) {
    TRY(spec, ReadSpec(port, role, specs.size()));
    specs.push_back(std::move(spec));
  }
  return specs;
}

struct StringBlock {
  std::vector<std::string> texts;
  std::vector<SlipwayString> strings;
};

void CopyStrings(const ov::Tensor& tensor, SlipwayTensor& out) {
  auto block = std::make_unique<StringBlock>();
  const auto* texts = tensor.data<const std::string>();
  block->texts.assign(texts, texts + tensor.get_size());
  block->strings.reserve(block->texts.size() + 1);
  for (const std::string& text : block->texts) block->strings.push_back({text.data(), text.size()});
  out.strings = block->strings.data();
  out.owner = block.release();
  out.release = [](void* owner) { delete static_cast<StringBlock*>(owner); };
}

bool HasShape(const SlipwayTensor& out, const ov::Shape& shape) {
  return out.rank == shape.size() &&
         std::ranges::equal(shape, std::span(out.dims, out.rank), {},
                            [](size_t length) { return static_cast<int64_t>(length); });
}

bool IsPlaceInSources(std::string_view line) {
  return line.starts_with("Exception from ") || line.starts_with("Check '");
}

}  // namespace

std::optional<DataType> FromOpenVino(ov::element::Type type) {
  for (const Row& row : kRows) {
    if (row.theirs == type) return row.ours;
  }
  return std::nullopt;
}

ov::element::Type ToOpenVino(DataType type) {
  for (const Row& row : kRows) {
    if (row.ours == type) return row.theirs;
  }
  return ov::element::dynamic;
}

Result<tensor::Signature> ReadSignature(const ov::CompiledModel& model) {
  tensor::Signature signature;
  TRY(inputs, ReadSpecs(model.inputs(), "input"));
  TRY(outputs, ReadSpecs(model.outputs(), "output"));
  signature.inputs = std::move(inputs);
  signature.outputs = std::move(outputs);
  TRY_VOID(tensor::CheckSignature(signature));
  return signature;
}

std::string Words(const std::exception& exception) {
  std::string words;
  std::string_view rest = exception.what();
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.empty() || IsPlaceInSources(line)) continue;
    words.append(words.empty() ? "" : " ").append(line);
  }
  return words.empty() ? exception.what() : words;
}

ov::Tensor ViewOf(const SlipwayTensor& tensor) {
  const ov::element::Type type = ToOpenVino(*tensor::DataTypeFromNumber(tensor.type));
  const ov::Shape shape(tensor.dims, tensor.dims + tensor.rank);
  if (type != ov::element::string) return {type, shape, tensor.data};
  ov::Tensor copy(type, shape);
  auto* texts = copy.data<std::string>();
  for (uint64_t i = 0; i < tensor.element_count; ++i) {
    texts[i].assign(tensor.strings[i].data, tensor.strings[i].size);
  }
  return copy;
}

Result<void> CopyTo(const ov::Tensor& tensor, SlipwayTensor& out) {
  const std::optional<DataType> type = FromOpenVino(tensor.get_element_type());
  const ov::Shape& shape = tensor.get_shape();
  if (!type || shape.size() > kSlipwayMaxRank) {
    return Internal("RUN_FAILED",
                    "the model gave an output of a type or rank that it had not told");
  }
  const bool is_foreseen =
      out.data != nullptr && out.type == static_cast<uint32_t>(*type) && HasShape(out, shape);
  out.type = static_cast<uint32_t>(*type);
  out.rank = static_cast<uint32_t>(shape.size());
  std::ranges::copy(shape, out.dims);
  out.element_count = tensor.get_size();
  if (*type == DataType::kBytes) {
    CopyStrings(tensor, out);
    return {};
  }
  out.size_bytes = tensor.get_byte_size();
  if (!is_foreseen) {
    // One byte at least: no data means no room to the host.
    auto memory = std::make_unique<char[]>(std::max<size_t>(out.size_bytes, 1));
    out.data = memory.get();
    out.owner = memory.release();
    out.release = [](void* owner) { delete[] static_cast<char*>(owner); };
  }
  if (out.size_bytes > 0) std::memcpy(out.data, tensor.data(), out.size_bytes);
  return {};
}

}  // namespace slipway::engine::ov_engine
