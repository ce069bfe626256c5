#include "gateway/v2/response_writer.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/utf8.h"
#include "gateway/v2/binary_tensor.h"
#include "gateway/v2/classification.h"
#include "tensor/float16.h"

namespace slipway::gateway::v2 {
namespace {

using tensor::DataType;
using tensor::Tensor;

// Gathers short pieces and appends them to a string in blocks.
class Block {
 public:
  explicit Block(std::string& out) : out_(out) {}
  ~Block() { out_.append(bytes_.data(), used_); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  // Room for one number: the longest double has 24 characters.
  char* Room() {
    if (used_ > bytes_.size() - kNumber) {
      out_.append(bytes_.data(), used_);
      used_ = 0;
    }
    return bytes_.data() + used_;
  }
  char* End() { return bytes_.data() + bytes_.size(); }
  void Take(const char* end) { used_ = static_cast<size_t>(end - bytes_.data()); }

 private:
  static constexpr size_t kNumber = 32;
  std::string& out_;
  std::array<char, 2048> bytes_;
  size_t used_ = 0;
};

char* Literal(char* at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

template <class T>
char* WriteFloat(T number, NonFinite style, char* at, char* end) {
  if (!std::isfinite(number)) [[unlikely]] {
    if (style == NonFinite::kNull) return Literal(at, "null");
    if (std::isnan(number)) return Literal(at, "NaN");
    return Literal(at, number < 0 ? "-Infinity" : "Infinity");
  }
  char* last = std::to_chars(at, end, number).ptr;
  // "3" would be an integer to typed readers.
  for (const char* c = at; c != last; ++c) {
    if (*c == '.' || *c == 'e') return last;
  }
  return Literal(last, ".0");
}

template <class T, class Write>
void WriteNumbers(const Tensor& tensor, std::string& out, Write write) {
  Block block(out);
  bool first = true;
  for (const T number : tensor.as<const T>()) {
    char* at = block.Room();
    if (!first) *at++ = ',';
    first = false;
    block.Take(write(number, at, block.End()));
  }
}

template <class T>
void WriteIntegers(const Tensor& tensor, std::string& out) {
  WriteNumbers<T>(tensor, out,
                  [](T number, char* at, char* end) { return std::to_chars(at, end, number).ptr; });
}

Result<void> WriteStrings(const Tensor& tensor, std::string_view name, std::string& out) {
  bool first = true;
  for (std::string_view text : tensor.strings()) {
    if (FindInvalidUtf8(text)) {
      return Unimplemented("OUTPUT_NOT_UTF8", "output '" + std::string(name) +
                                                  "' has bytes that are not UTF-8, which JSON "
                                                  "cannot carry: ask for it with binary_data=True");
    }
    if (!first) out += ',';
    first = false;
    WriteJsonString(text, out);
  }
  return {};
}

Result<void> WriteData(const Tensor& tensor, std::string_view name, NonFinite style,
                       std::string& out) {
  switch (tensor.type()) {
    case DataType::kBool:
      WriteNumbers<uint8_t>(tensor, out, [](uint8_t truth, char* at, char*) {
        return Literal(at, truth != 0 ? "true" : "false");
      });
      return {};
    case DataType::kUint8:
      WriteIntegers<uint8_t>(tensor, out);
      return {};
    case DataType::kUint16:
      WriteIntegers<uint16_t>(tensor, out);
      return {};
    case DataType::kUint32:
      WriteIntegers<uint32_t>(tensor, out);
      return {};
    case DataType::kUint64:
      WriteIntegers<uint64_t>(tensor, out);
      return {};
    case DataType::kInt8:
      WriteIntegers<int8_t>(tensor, out);
      return {};
    case DataType::kInt16:
      WriteIntegers<int16_t>(tensor, out);
      return {};
    case DataType::kInt32:
      WriteIntegers<int32_t>(tensor, out);
      return {};
    case DataType::kInt64:
      WriteIntegers<int64_t>(tensor, out);
      return {};
    case DataType::kFp16:
      WriteNumbers<uint16_t>(tensor, out, [style](uint16_t bits, char* at, char* end) {
        return WriteFloat(tensor::FromFp16(bits), style, at, end);
      });
      return {};
    case DataType::kBf16:
      WriteNumbers<uint16_t>(tensor, out, [style](uint16_t bits, char* at, char* end) {
        return WriteFloat(tensor::FromBf16(bits), style, at, end);
      });
      return {};
    case DataType::kFp32:
      WriteNumbers<float>(tensor, out, [style](float number, char* at, char* end) {
        return WriteFloat(number, style, at, end);
      });
      return {};
    case DataType::kFp64:
      WriteNumbers<double>(tensor, out, [style](double number, char* at, char* end) {
        return WriteFloat(number, style, at, end);
      });
      return {};
    case DataType::kBytes:
      return WriteStrings(tensor, name, out);
  }
  return Internal("DATA_TYPE", "a data type without a writer");
}

void WriteShape(const tensor::Shape& shape, std::string& out) {
  std::array<char, 24> text;
  out += '[';
  for (size_t i = 0; i < shape.rank(); ++i) {
    if (i > 0) out += ',';
    out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), shape[i]).ptr);
  }
  out += ']';
}

}  // namespace

void WriteJsonString(std::string_view text, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  size_t plain = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text.substr(plain, i - plain));
    plain = i + 1;
    out += '\\';
    if (c == '"' || c == '\\') {
      out += text[i];
    } else if (c == '\n') {
      out += 'n';
    } else {
      out += "u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
    }
  }
  out.append(text.substr(plain));
  out += '"';
}

namespace {

// One output without its elements: name, type and shape, in an object that is open still.
void OpenOutput(const std::string& name, const Tensor& tensor, std::string& out) {
  out += "{\"name\":";
  WriteJsonString(name, out);
  out += ",\"datatype\":\"";
  out += DataTypeName(tensor.type());
  out += "\",\"shape\":";
  WriteShape(tensor.shape(), out);
}

// Where an output lies that is not in the answer.
void WriteShared(const SharedPlace& place, uint64_t bytes, std::string& out) {
  out += ",\"parameters\":{\"shared_memory_region\":";
  WriteJsonString(place.region, out);
  if (place.offset > 0) out += ",\"shared_memory_offset\":" + std::to_string(place.offset);
  out += ",\"shared_memory_byte_size\":" + std::to_string(bytes) + "}}";
}

Result<void> WriteOutput(const std::string& name, const Tensor& tensor, bool binary,
                         NonFinite style, std::string& out) {
  OpenOutput(name, tensor, out);
  if (binary) {
    out += ",\"parameters\":{\"binary_data_size\":";
    out += std::to_string(BinarySize(tensor));
    out += "}}";
    return {};
  }
  out += ",\"data\":[";
  TRY_VOID(WriteData(tensor, name, style, out));
  out += "]}";
  return {};
}

// The outputs as they are answered: those of which classes are wanted are made here.
class AnswerOutputs {
 public:
  static Result<AnswerOutputs> Make(const InferAnswer& answer) {
    AnswerOutputs outputs(answer);
    for (size_t i = 0; i < answer.forms.size(); ++i) {
      if (answer.forms[i].classes == 0) continue;
      outputs.classes_.resize(answer.outputs.size());
      TRY_VOID(Classify(answer.signature.outputs[answer.wanted[i]], answer.outputs[i],
                        answer.forms[i].classes, outputs.classes_[i]));
    }
    return outputs;
  }

  const Tensor& operator[](size_t i) const {
    const bool ranked = i < answer_.forms.size() && answer_.forms[i].classes > 0;
    return ranked ? classes_[i] : answer_.outputs[i];
  }
  bool IsBinary(size_t i) const {
    return i < answer_.forms.size() && answer_.forms[i].binary && SharedOf(i) == nullptr;
  }
  const SharedPlace* SharedOf(size_t i) const {
    for (const SharedOutput& shared : answer_.shared) {
      if (shared.number == i) return &shared.place;
    }
    return nullptr;
  }

 private:
  explicit AnswerOutputs(const InferAnswer& answer) : answer_(answer) {}

  const InferAnswer& answer_;
  std::vector<Tensor> classes_;
};

}  // namespace

Result<void> WriteElements(const Tensor& tensor, std::string_view name, NonFinite style,
                           std::string& out) {
  return WriteData(tensor, name, style, out);
}

void WriteAnswerHead(const InferAnswer& answer, std::string& out) {
  out += '{';
  if (answer.id) {
    out += "\"id\":";
    WriteJsonString(*answer.id, out);
    out += ',';
  }
  out += "\"model_name\":";
  WriteJsonString(answer.model, out);
  out += ",\"model_version\":";
  WriteJsonString(answer.version, out);
}

Result<size_t> WriteAnswer(const InferAnswer& answer, std::string& out) {
  TRY(outputs, AnswerOutputs::Make(answer));
  const size_t begin = out.size();
  WriteAnswerHead(answer, out);
  out += ",\"outputs\":[";
  uint64_t binary = 0;
  for (size_t i = 0; i < answer.outputs.size(); ++i) {
    if (i > 0) out += ',';
    const std::string& name = answer.signature.outputs[answer.wanted[i]].name;
    if (const SharedPlace* place = outputs.SharedOf(i)) {
      OpenOutput(name, outputs[i], out);
      WriteShared(*place, BinarySize(outputs[i]), out);
      continue;
    }
    TRY_VOID(WriteOutput(name, outputs[i], outputs.IsBinary(i), answer.non_finite, out));
    if (outputs.IsBinary(i)) binary += BinarySize(outputs[i]);
  }
  out += "]}";
  const size_t json_bytes = out.size() - begin;
  if (answer.json_alone) return json_bytes;
  out.reserve(out.size() + binary);
  for (size_t i = 0; i < answer.outputs.size(); ++i) {
    if (outputs.IsBinary(i)) AppendBinary(outputs[i], out);
  }
  return json_bytes;
}

}  // namespace slipway::gateway::v2
