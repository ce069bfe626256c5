#include "gateway/v2/binary_tensor.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "tensor/limits.h"

namespace slipway::gateway::v2 {
namespace {

using tensor::DataType;
using tensor::Shape;
using tensor::Tensor;

static_assert(std::endian::native == std::endian::little, "tensors are little endian on the wire");

constexpr size_t kLengthBytes = sizeof(uint32_t);

Error WrongSize(std::string_view input, const Shape& shape, uint64_t wanted, uint64_t got) {
  return InvalidArgument("BINARY_SIZE", "unexpected total byte size " + std::to_string(got) +
                                            " for input '" + std::string(input) + "', expecting " +
                                            std::to_string(wanted) + " for shape " +
                                            shape.ToString());
}

Error WrongString(std::string_view input, uint64_t element, const std::string& what) {
  return InvalidArgument("BINARY_STRING", "element " + std::to_string(element) + " of input '" +
                                              std::string(input) + "' of type BYTES " + what);
}

Result<void> ReadStrings(std::string_view input, const Shape& shape, std::string_view bytes,
                         Tensor& out) {
  TRY(count, shape.ElementCount());
  if (count > bytes.size() / kLengthBytes) {
    return InvalidArgument("BINARY_SIZE", "input '" + std::string(input) + "' has shape " +
                                              shape.ToString() + ", which is " +
                                              std::to_string(count) + " strings, and only " +
                                              std::to_string(bytes.size()) + " bytes");
  }
  TRY_VOID(out.Reset(DataType::kBytes, shape));
  for (uint64_t i = 0; i < count; ++i) {
    if (bytes.size() < kLengthBytes) return WrongString(input, i, "is missing");
    uint32_t length = 0;
    std::memcpy(&length, bytes.data(), kLengthBytes);
    bytes.remove_prefix(kLengthBytes);
    if (length > bytes.size()) {
      return WrongString(input, i,
                         "says that it has " + std::to_string(length) + " bytes, but only " +
                             std::to_string(bytes.size()) + " follow");
    }
    out.AppendString(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  if (!bytes.empty()) {
    return InvalidArgument("BINARY_SIZE", std::to_string(bytes.size()) +
                                              " bytes follow the last string of input '" +
                                              std::string(input) + "'");
  }
  out.SealStrings();
  return {};
}

// Anything but 0 and 1 would be undefined behaviour in an engine that reads a bool.
Result<void> CheckBools(std::string_view input, std::string_view bytes) {
  const auto wrong =
      std::find_if(bytes.begin(), bytes.end(), [](char byte) { return byte != 0 && byte != 1; });
  if (wrong == bytes.end()) return {};
  return InvalidArgument("BINARY_BOOL", "element " + std::to_string(wrong - bytes.begin()) +
                                            " of input '" + std::string(input) +
                                            "' of type BOOL is " +
                                            std::to_string(static_cast<uint8_t>(*wrong)) +
                                            ": a byte 0 or 1 is wanted");
}

bool IsAligned(const char* at) {
  return reinterpret_cast<uintptr_t>(at) % tensor::kBufferAlignment == 0;
}

Error NotRaw(const ModelFace& model, const std::string& why) {
  return InvalidArgument("RAW_INPUT", "model '" + std::string(model.name) +
                                          "' takes no raw binary request, for " + why +
                                          ": describe the inputs in JSON and give its length in "
                                          "Inference-Header-Content-Length");
}

// The shape of a raw input of `bytes` bytes.
Result<Shape> RawShape(const ModelFace& model, const tensor::TensorSpec& spec, uint64_t bytes) {
  Shape shape = spec.shape;
  const auto open = [&] {
    return std::count_if(shape.dims().begin(), shape.dims().end(), [](int64_t d) { return d < 0; });
  };
  if (open() > 1 && shape[0] < 0) shape.Set(0, 1);
  if (open() > 1) return NotRaw(model, "several dimensions of its input are open");
  if (open() == 0) return shape;
  size_t at = 0;
  uint64_t row = ElementSize(spec.type);
  for (size_t i = 0; i < shape.rank(); ++i) {
    if (shape[i] < 0) {
      at = i;
    } else {
      row *= static_cast<uint64_t>(shape[i]);  // a signature's product fits
    }
  }
  if (row == 0 || bytes % row != 0) return WrongSize(spec.name, spec.shape, row, bytes);
  shape.Set(at, static_cast<int64_t>(bytes / row));
  return shape;
}

}  // namespace

Result<std::string_view> BinaryTail::Take(uint64_t size, std::string_view input) {
  if (size > left_) {
    return InvalidArgument("BINARY_TRUNCATED",
                           "input '" + std::string(input) + "' says that it has " +
                               std::to_string(size) + " bytes of binary data, but only " +
                               std::to_string(left_) + " are left of the request");
  }
  const std::string_view taken = bytes_.substr(bytes_.size() - left_, size);
  left_ -= size;
  return taken;
}

Result<void> ReadBinary(std::string_view input, DataType type, const Shape& shape,
                        std::string_view bytes, Tensor& out) {
  if (type == DataType::kBytes) return ReadStrings(input, shape, bytes, out);
  TRY(count, shape.ElementCount());
  const size_t size = ElementSize(type);
  if (count > bytes.size() / size || count * size != bytes.size()) {
    return WrongSize(input, shape, count * size, bytes.size());
  }
  if (type == DataType::kBool) TRY_VOID(CheckBools(input, bytes));
  if (IsAligned(bytes.data())) {
    // An input is never written.
    return out.Borrow(type, shape, const_cast<char*>(bytes.data()), {});
  }
  TRY_VOID(out.Reset(type, shape));
  if (!bytes.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
  return {};
}

Result<void> ReadRawRequest(std::string_view bytes, const ModelFace& model, InferRequest& out) {
  out.Clear(model.signature);
  if (model.signature.inputs.size() != 1) {
    return NotRaw(model, "it has " + std::to_string(model.signature.inputs.size()) + " inputs");
  }
  const tensor::TensorSpec& spec = model.signature.inputs[0];
  if (spec.type == DataType::kBytes) {
    Shape one;
    for (size_t i = 0; i < spec.shape.rank(); ++i) CHECK(one.Append(1));
    if (!tensor::Matches(spec, one)) return NotRaw(model, "its input is more than one string");
    TRY_VOID(out.inputs[0].Reset(spec.type, one));
    out.inputs[0].AppendString(bytes);
    out.inputs[0].SealStrings();
  } else {
    TRY(shape, RawShape(model, spec, bytes.size()));
    TRY_VOID(ReadBinary(spec.name, spec.type, shape, bytes, out.inputs[0]));
  }
  out.WantAll(model.signature, {.binary = true});
  return {};
}

uint64_t BinarySize(const Tensor& tensor) {
  if (tensor.type() != DataType::kBytes) return tensor.size_bytes();
  uint64_t size = 0;
  for (std::string_view text : tensor.strings()) size += kLengthBytes + text.size();
  return size;
}

void AppendBinary(const Tensor& tensor, std::string& out) {
  if (tensor.type() != DataType::kBytes) {
    out.append(reinterpret_cast<const char*>(tensor.data()), tensor.size_bytes());
    return;
  }
  for (std::string_view text : tensor.strings()) {
    const auto length = static_cast<uint32_t>(text.size());
    out.append(reinterpret_cast<const char*>(&length), kLengthBytes);
    out.append(text);
  }
}

}  // namespace slipway::gateway::v2
