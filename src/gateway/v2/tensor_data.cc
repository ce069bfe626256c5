#include "gateway/v2/tensor_data.h"

#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>

#include "gateway/limits.h"
#include "gateway/v2/signature_check.h"
#include "tensor/float16.h"

namespace slipway::gateway::v2 {
namespace {

using simdjson::ondemand::array;
using simdjson::ondemand::json_type;
using simdjson::ondemand::value;
using tensor::DataType;
using tensor::Tensor;

std::string_view Token(value& element) {
  std::string_view token = element.raw_json_token();
  const size_t end = token.find_last_not_of(" \t\r\n");
  return end == std::string_view::npos ? std::string_view() : token.substr(0, end + 1);
}

// A number that JSON has no token for, but the protocol's users do.
std::optional<double> NotFinite(std::string_view token) {
  if (token == "null" || token == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (token == "Infinity") return std::numeric_limits<double>::infinity();
  if (token == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

// Readers take one scalar: Read is the fast way, Explain says why it failed.

template <class T, T (*kNarrow)(double)>
struct FloatReader {
  T* out;
  bool Read(value& element, uint64_t at) {
    double number;
    if (element.get_double().get(number) != simdjson::SUCCESS) [[unlikely]] {
      const std::optional<double> special = NotFinite(Token(element));
      if (!special) return false;
      number = *special;
    }
    out[at] = kNarrow(number);
    return true;
  }
  static std::string Explain(std::string_view token) {
    const bool number = !token.empty() && (token[0] == '-' || (token[0] >= '0' && token[0] <= '9'));
    return number ? "not a number that JSON allows, or out of the range of FP64"
                  : "attempt to access JSON non-number as double";
  }
};

template <class T>
struct IntegerReader {
  using Wide = std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>;
  T* out;
  bool Read(value& element, uint64_t at) {
    Wide number;
    if (element.get(number) != simdjson::SUCCESS) [[unlikely]] {
      if (Token(element) != "-0") return false;  // which the reader takes for a signed number
      number = 0;
    }
    if (number < std::numeric_limits<T>::min() || number > std::numeric_limits<T>::max()) {
      return false;
    }
    out[at] = static_cast<T>(number);
    return true;
  }
  static std::string Explain(std::string_view token) {
    const std::string_view digits = token.substr(token.starts_with('-') ? 1 : 0);
    const bool integer =
        !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
    if (integer && digits.size() > 1 && digits[0] == '0') {
      return "not a number that JSON allows, for it begins with 0";
    }
    if (integer) {
      constexpr size_t kShownDigits = 40;
      return std::string(token.substr(0, kShownDigits)) +
             (token.size() > kShownDigits ? "..." : "") + " is out of the range " +
             std::to_string(std::numeric_limits<T>::min()) + " to " +
             std::to_string(std::numeric_limits<T>::max());
    }
    return std::is_signed_v<T> ? "attempt to access JSON non-signed-integer as signed-integer"
                               : "attempt to access JSON non-unsigned-integer as unsigned-integer";
  }
};

struct BoolReader {
  uint8_t* out;
  bool Read(value& element, uint64_t at) {
    bool truth;
    if (element.get_bool().get(truth) != simdjson::SUCCESS) {
      const std::string_view token = Token(element);
      if (token != "0" && token != "1") return false;
      truth = token == "1";
    }
    out[at] = truth ? 1 : 0;
    return true;
  }
  static std::string Explain(std::string_view) {
    return "attempt to access JSON non-boolean as boolean";
  }
};

struct StringReader {
  Tensor* out;
  bool Read(value& element, uint64_t) {
    std::string_view text;
    if (element.get_string().get(text) != simdjson::SUCCESS) return false;
    out->AppendString(text);
    return true;
  }
  static std::string Explain(std::string_view token) {
    return token.starts_with('"') ? "a string with an escape that is not valid"
                                  : "attempt to access JSON non-string as string";
  }
};

// Walks nested arrays and hands each scalar to the reader.
template <class Reader>
class Filler {
 public:
  Filler(Reader reader, std::string_view input, const JsonPlace& place, const Tensor& tensor)
      : reader_(reader),
        input_(input),
        place_(place),
        tensor_(tensor),
        wanted_(tensor.element_count()) {}

  Result<void> All(array& elements, int depth) {
    TRY_VOID(Walk(elements, depth));
    if (count_ < wanted_) return Mismatch(std::to_string(count_));
    return {};
  }

 private:
  Result<void> Walk(array& elements, int depth) {
    for (auto item : elements) {
      value element;
      if (const auto error = item.get(element); error != simdjson::SUCCESS) [[unlikely]] {
        return SyntaxFault(simdjson::error_message(error), last_byte_);
      }
      if (*element.raw_json_token().data() == '[') {
        TRY_VOID(Nested(element, depth));
        continue;
      }
      if (count_ == wanted_ || !reader_.Read(element, count_)) [[unlikely]] {
        return Refuse(element);
      }
      ++count_;
    }
    return {};
  }

  Result<void> Nested(value& element, int depth) {
    last_byte_ = place_.Byte(element.raw_json_token().data());
    if (depth >= kMaxJsonDepth) return DepthFault(last_byte_);
    array inner;
    if (const auto error = element.get_array().get(inner); error != simdjson::SUCCESS) {
      return SyntaxFault(simdjson::error_message(error), last_byte_);
    }
    return Walk(inner, depth + 1);
  }

  Result<void> Refuse(value& element) const {
    const std::string_view token = Token(element);
    if (std::string_view(",]}:").find(*element.raw_json_token().data()) != std::string_view::npos) {
      return SyntaxFault("a value is missing", place_.Byte(token.data()));
    }
    if (count_ == wanted_) return Mismatch("more than " + std::to_string(wanted_));
    return MemberFault("data", Reader::Explain(token) + ": element " + std::to_string(count_) +
                                   " of input '" + std::string(input_) + "' of type " +
                                   std::string(DataTypeName(tensor_.type())) +
                                   AtByte(place_.Byte(token.data())));
  }

  Result<void> Mismatch(const std::string& found) const {
    return MemberFault("data", "Shape does not match true shape of 'data' field: input '" +
                                   std::string(input_) + "' has shape " +
                                   tensor_.shape().ToString() + ", which is " +
                                   std::to_string(wanted_) + " elements, and 'data' has " + found);
  }

  Reader reader_;
  std::string_view input_;
  const JsonPlace& place_;
  const Tensor& tensor_;
  const uint64_t wanted_;
  uint64_t count_ = 0;
  size_t last_byte_ = 1;
};

float ToFloat(double number) {
  return static_cast<float>(number);
}
double ToDouble(double number) {
  return number;
}

}  // namespace

Result<void> FillTensor(array elements, std::string_view input, int depth, const JsonPlace& place,
                        Tensor& tensor) {
  const auto fill = [&](auto reader) {
    return Filler<decltype(reader)>(reader, input, place, tensor).All(elements, depth);
  };
  const auto integers = [&]<class T>(T) { return fill(IntegerReader<T>{tensor.as<T>().data()}); };
  switch (tensor.type()) {
    case DataType::kBool:
      return fill(BoolReader{tensor.as<uint8_t>().data()});
    case DataType::kUint8:
      return integers(uint8_t{});
    case DataType::kUint16:
      return integers(uint16_t{});
    case DataType::kUint32:
      return integers(uint32_t{});
    case DataType::kUint64:
      return integers(uint64_t{});
    case DataType::kInt8:
      return integers(int8_t{});
    case DataType::kInt16:
      return integers(int16_t{});
    case DataType::kInt32:
      return integers(int32_t{});
    case DataType::kInt64:
      return integers(int64_t{});
    case DataType::kFp16:
      return fill(FloatReader<uint16_t, tensor::ToFp16>{tensor.as<uint16_t>().data()});
    case DataType::kFp32:
      return fill(FloatReader<float, ToFloat>{tensor.as<float>().data()});
    case DataType::kFp64:
      return fill(FloatReader<double, ToDouble>{tensor.as<double>().data()});
    case DataType::kBf16:
      return fill(FloatReader<uint16_t, tensor::ToBf16>{tensor.as<uint16_t>().data()});
    case DataType::kBytes: {
      TRY_VOID(fill(StringReader{&tensor}));
      tensor.SealStrings();
      return {};
    }
  }
  return Internal("DATA_TYPE", "a data type without a reader");
}

}  // namespace slipway::gateway::v2
