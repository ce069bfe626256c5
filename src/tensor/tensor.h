// Tensor: a typed, shaped block of elements, in memory of its own or of somebody else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tensor/buffer.h"
#include "tensor/data_type.h"
#include "tensor/shape.h"

namespace slipway::tensor {

// Memory that came with a tensor from elsewhere: `release(owner)` is called once, when the tensor
// lets go of it. Without `release` the memory outlives the tensor by other means.
struct ForeignOwner {
  void* owner = nullptr;
  void (*release)(void* owner) = nullptr;
};

// Numbers lie row-major in data(), little endian, BOOL as one byte 0 or 1. Elements of BYTES are
// strings(). Meant to be used again: Reset keeps its memory. Not thread-safe.
class Tensor {
 public:
  Tensor() = default;
  ~Tensor() { ReleaseForeign(); }
  Tensor(Tensor&& other) noexcept { *this = std::move(other); }
  Tensor& operator=(Tensor&& other) noexcept;

  // Room in the tensor's own memory for all elements of `shape`; numbers have unspecified values,
  // strings are appended afterwards. Errors: SHAPE_NEGATIVE, SHAPE_TOO_LARGE (also above
  // kMaxTensorBytes), RESOURCE_EXHAUSTED / TENSOR_MEMORY.
  Result<void> Reset(DataType type, const Shape& shape);
  // Lets the tensor show numbers at `data`, ElementSize(type) each.
  Result<void> Borrow(DataType type, const Shape& shape, void* data, ForeignOwner owner);
  // The same for BYTES.
  Result<void> BorrowStrings(const Shape& shape, std::vector<std::string_view> strings,
                             ForeignOwner owner);

  DataType type() const { return type_; }
  const Shape& shape() const { return shape_; }
  uint64_t element_count() const { return element_count_; }
  std::byte* data() const { return data_; }
  size_t size_bytes() const { return element_count_ * ElementSize(type_); }
  template <class T>
  std::span<T> as() const {
    return {reinterpret_cast<T*>(data_), element_count_};
  }

  // Copies `element` behind the strings that are there; after the last one SealStrings().
  void AppendString(std::string_view element);
  void SealStrings();
  size_t appended_strings() const { return ends_.size(); }
  std::span<const std::string_view> strings() const { return strings_; }

  // Copies what it shows of others' memory into its own, and lets go of that. RESOURCE_EXHAUSTED /
  // TENSOR_MEMORY; then it is as before.
  Result<void> Own();

  // Frees foreign memory, and own memory of more than `keep_bytes`; the contents are gone.
  void Recycle(size_t keep_bytes);

 private:
  Result<void> SetShape(DataType type, const Shape& shape);
  void ReleaseForeign();

  DataType type_ = DataType::kFp32;
  Shape shape_;
  uint64_t element_count_ = 0;
  std::byte* data_ = nullptr;
  AlignedBuffer buffer_;
  // Own strings: their bytes one after the other, where each ends, and the views, once sealed.
  std::string text_;
  std::vector<size_t> ends_;
  std::vector<std::string_view> strings_;
  ForeignOwner foreign_;
};

}  // namespace slipway::tensor
