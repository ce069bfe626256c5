#include "tensor/tensor.h"

#include <cstring>
#include <utility>

#include "tensor/limits.h"

namespace slipway::tensor {

Tensor& Tensor::operator=(Tensor&& other) noexcept {
  if (this == &other) return *this;
  ReleaseForeign();
  type_ = other.type_;
  shape_ = other.shape_;
  element_count_ = std::exchange(other.element_count_, 0);
  data_ = std::exchange(other.data_, nullptr);
  buffer_ = std::move(other.buffer_);
  other.buffer_.Free();
  // A short text lives inside the string object: the views are made anew.
  const bool own_strings = !other.ends_.empty();
  text_ = std::move(other.text_);
  ends_ = std::move(other.ends_);
  strings_ = std::move(other.strings_);
  if (own_strings && !strings_.empty()) SealStrings();
  foreign_ = std::exchange(other.foreign_, {});
  return *this;
}

Result<void> Tensor::SetShape(DataType type, const Shape& shape) {
  TRY(count, shape.ElementCount());
  const uint64_t size = std::max<size_t>(ElementSize(type), 1);
  if (count > kMaxTensorBytes / size) {
    return InvalidArgument("SHAPE_TOO_LARGE", "a tensor of type " +
                                                  std::string(DataTypeName(type)) + " and shape " +
                                                  shape.ToString() + " has more than " +
                                                  std::to_string(kMaxTensorBytes) +
                                                  " bytes, the most that one tensor may have");
  }
  ReleaseForeign();
  type_ = type;
  shape_ = shape;
  element_count_ = count;
  data_ = nullptr;
  text_.clear();
  ends_.clear();
  strings_.clear();
  return {};
}

Result<void> Tensor::Reset(DataType type, const Shape& shape) {
  TRY_VOID(SetShape(type, shape));
  if (type == DataType::kBytes) return {};
  if (!buffer_.Reserve(size_bytes())) {
    const size_t wanted = size_bytes();
    element_count_ = 0;
    return ResourceExhausted("TENSOR_MEMORY",
                             "no memory for a tensor of " + std::to_string(wanted) + " bytes");
  }
  data_ = buffer_.data();
  return {};
}

Result<void> Tensor::Borrow(DataType type, const Shape& shape, void* data, ForeignOwner owner) {
  TRY_VOID(SetShape(type, shape));
  data_ = static_cast<std::byte*>(data);
  foreign_ = owner;
  return {};
}

Result<void> Tensor::BorrowStrings(const Shape& shape, std::vector<std::string_view> strings,
                                   ForeignOwner owner) {
  TRY_VOID(SetShape(DataType::kBytes, shape));
  CHECK(strings.size() == element_count_);
  strings_ = std::move(strings);
  foreign_ = owner;
  return {};
}

void Tensor::AppendString(std::string_view element) {
  text_.append(element);
  ends_.push_back(text_.size());
}

void Tensor::SealStrings() {
  strings_.clear();
  strings_.reserve(ends_.size());
  size_t begin = 0;
  for (size_t end : ends_) {
    strings_.push_back(std::string_view(text_).substr(begin, end - begin));
    begin = end;
  }
}

Result<void> Tensor::Own() {
  if (type_ == DataType::kBytes) {
    if (!ends_.empty() || strings_.empty()) return {};
    const std::vector<std::string_view> shown = std::move(strings_);
    text_.clear();
    for (const std::string_view element : shown) AppendString(element);
    SealStrings();
    ReleaseForeign();
    return {};
  }
  if (data_ == nullptr || data_ == buffer_.data()) return {};
  if (!buffer_.Reserve(size_bytes())) {
    return ResourceExhausted(
        "TENSOR_MEMORY", "no memory for a tensor of " + std::to_string(size_bytes()) + " bytes");
  }
  std::memcpy(buffer_.data(), data_, size_bytes());
  data_ = buffer_.data();
  ReleaseForeign();
  return {};
}

void Tensor::Recycle(size_t keep_bytes) {
  ReleaseForeign();
  element_count_ = 0;
  data_ = nullptr;
  if (buffer_.capacity() > keep_bytes) buffer_.Free();
  text_.clear();
  ends_.clear();
  strings_.clear();
  if (text_.capacity() + (ends_.capacity() + strings_.capacity()) * 16 > keep_bytes) {
    text_ = {};
    ends_ = {};
    strings_ = {};
  }
}

void Tensor::ReleaseForeign() {
  const ForeignOwner foreign = std::exchange(foreign_, {});
  if (foreign.release != nullptr) foreign.release(foreign.owner);
}

}  // namespace slipway::tensor
