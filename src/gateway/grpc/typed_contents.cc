#include "gateway/grpc/typed_contents.h"

#include <array>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "gateway/grpc/wire.h"

namespace slipway::gateway::grpc {
namespace {

using tensor::DataType;
using tensor::Tensor;

constexpr std::array<std::string_view, 9> kFieldNames = {"",
                                                         "bool_contents",
                                                         "int_contents",
                                                         "int64_contents",
                                                         "uint_contents",
                                                         "uint64_contents",
                                                         "fp32_contents",
                                                         "fp64_contents",
                                                         "bytes_contents"};

// The field of the type; 0: it has none.
uint32_t FieldOf(DataType type) {
  switch (type) {
    case DataType::kBool:
      return 1;
    case DataType::kInt8:
    case DataType::kInt16:
    case DataType::kInt32:
      return 2;
    case DataType::kInt64:
      return 3;
    case DataType::kUint8:
    case DataType::kUint16:
    case DataType::kUint32:
      return 4;
    case DataType::kUint64:
      return 5;
    case DataType::kFp32:
      return 6;
    case DataType::kFp64:
      return 7;
    case DataType::kBytes:
      return 8;
    case DataType::kFp16:
    case DataType::kBf16:
      return 0;
  }
  return 0;
}

class Filler {
 public:
  Filler(std::string_view input, Tensor& out)
      : input_(input), out_(out), wanted_(out.element_count()) {}

  Result<void> Take(const WireField& field) {
    switch (out_.type()) {
      case DataType::kBool:
        return Varints(field, [this](uint64_t value) { return Put<uint8_t>(value != 0 ? 1 : 0); });
      case DataType::kInt8:
        return Signed<int8_t>(field);
      case DataType::kInt16:
        return Signed<int16_t>(field);
      case DataType::kInt32:
        return Signed<int32_t>(field);
      case DataType::kInt64:
        return Signed<int64_t>(field);
      case DataType::kUint8:
        return Unsigned<uint8_t>(field);
      case DataType::kUint16:
        return Unsigned<uint16_t>(field);
      case DataType::kUint32:
        return Unsigned<uint32_t>(field);
      case DataType::kUint64:
        return Unsigned<uint64_t>(field);
      case DataType::kFp32:
        return Fixed(field, WireType::kFixed32, sizeof(float));
      case DataType::kFp64:
        return Fixed(field, WireType::kFixed64, sizeof(double));
      case DataType::kBytes:
        return String(field);
      case DataType::kFp16:
      case DataType::kBf16:
        break;
    }
    return BrokenMessage("InferTensorContents");
  }

  Result<void> End() {
    if (count_ < wanted_) return Mismatch(std::to_string(count_));
    if (out_.type() == DataType::kBytes) out_.SealStrings();
    return {};
  }

 private:
  template <class T>
  Result<void> Put(T value) {
    if (count_ == wanted_) return Mismatch("more than " + std::to_string(wanted_));
    out_.as<T>()[count_++] = value;
    return {};
  }

  template <class Each>
  Result<void> Varints(const WireField& field, Each each) {
    if (field.type == WireType::kVarint) return each(field.value);
    if (field.type != WireType::kBytes) return BrokenMessage("InferTensorContents");
    std::string_view packed = field.bytes;
    while (!packed.empty()) {
      const std::optional<uint64_t> value = ReadVarint(packed);
      if (!value) return BrokenMessage("InferTensorContents");
      TRY_VOID(each(*value));
    }
    return {};
  }

  template <class T>
  Result<void> Signed(const WireField& field) {
    return Varints(field, [this](uint64_t value) -> Result<void> {
      const auto number = static_cast<int64_t>(value);
      if (!std::in_range<T>(number)) return OutOfRange<T>(std::to_string(number));
      return Put(static_cast<T>(number));
    });
  }

  template <class T>
  Result<void> Unsigned(const WireField& field) {
    return Varints(field, [this](uint64_t value) -> Result<void> {
      if (!std::in_range<T>(value)) return OutOfRange<T>(std::to_string(value));
      return Put(static_cast<T>(value));
    });
  }

  Result<void> Fixed(const WireField& field, WireType type, size_t size) {
    std::string_view bytes = field.bytes;
    if (field.type == type) {
      bytes = {reinterpret_cast<const char*>(&field.value), size};
    } else if (field.type != WireType::kBytes || bytes.size() % size != 0) {
      return BrokenMessage("InferTensorContents");
    }
    if (bytes.size() / size > wanted_ - count_) {
      return Mismatch("more than " + std::to_string(wanted_));
    }
    if (!bytes.empty()) std::memcpy(out_.data() + count_ * size, bytes.data(), bytes.size());
    count_ += bytes.size() / size;
    return {};
  }

  Result<void> String(const WireField& field) {
    if (field.type != WireType::kBytes) return BrokenMessage("InferTensorContents");
    if (count_ == wanted_) return Mismatch("more than " + std::to_string(wanted_));
    out_.AppendString(field.bytes);
    ++count_;
    return {};
  }

  Error Mismatch(const std::string& found) const {
    return InvalidArgument("CONTENTS_SIZE", "input '" + std::string(input_) + "' has shape " +
                                                out_.shape().ToString() + ", which is " +
                                                std::to_string(wanted_) +
                                                " elements, and its contents have " + found);
  }

  template <class T>
  Error OutOfRange(const std::string& number) const {
    return InvalidArgument("CONTENTS_RANGE",
                           "element " + std::to_string(count_) + " of input '" +
                               std::string(input_) + "' is " + number + ", out of the range " +
                               std::to_string(std::numeric_limits<T>::min()) + " to " +
                               std::to_string(std::numeric_limits<T>::max()) + " of " +
                               std::string(DataTypeName(out_.type())));
  }

  const std::string_view input_;
  Tensor& out_;
  const uint64_t wanted_;
  uint64_t count_ = 0;
};

Error WrongField(std::string_view input, DataType type, uint32_t wanted) {
  const std::string name(DataTypeName(type));
  if (wanted == 0) {
    return InvalidArgument("CONTENTS_TYPE", "input '" + std::string(input) + "' of type " + name +
                                                " can be sent in raw_input_contents only");
  }
  return InvalidArgument("CONTENTS_TYPE", "input '" + std::string(input) + "' of type " + name +
                                              " is sent in '" + std::string(kFieldNames[wanted]) +
                                              "', and in no other field of its contents");
}

}  // namespace

Result<void> ReadTypedContents(std::string_view input, DataType type, const tensor::Shape& shape,
                               std::string_view contents, Tensor& out) {
  const uint32_t wanted = FieldOf(type);
  if (wanted == 0) return WrongField(input, type, wanted);
  TRY(count, shape.ElementCount());
  // Each element takes a byte at least: nothing is allocated for what cannot be there.
  if (count > contents.size()) {
    return InvalidArgument("CONTENTS_SIZE", "input '" + std::string(input) + "' has shape " +
                                                shape.ToString() + ", which is " +
                                                std::to_string(count) +
                                                " elements, and its contents have fewer");
  }
  TRY_VOID(out.Reset(type, shape));
  Filler filler(input, out);
  WireReader reader(contents);
  for (WireField field; reader.Next(field);) {
    if (field.number >= kFieldNames.size()) continue;
    if (field.number != wanted) return WrongField(input, type, wanted);
    TRY_VOID(filler.Take(field));
  }
  if (reader.is_broken()) return BrokenMessage("InferTensorContents");
  return filler.End();
}

}  // namespace slipway::gateway::grpc
