// Shape: the dimensions of a tensor, outermost first.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "base/result.h"
#include "tensor/limits.h"

namespace slipway::tensor {

// A value without allocation. In a signature -1 stands for any length; the shape of a tensor has no
// negative dimension. No dimension at all is one element; a dimension of 0 is none.
class Shape {
 public:
  static constexpr int64_t kAny = -1;

  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) {
    CHECK(dims.size() <= kMaxRank);
    for (int64_t dim : dims) dims_[rank_++] = dim;
  }
  Shape(const Shape& other) { *this = other; }
  Shape& operator=(const Shape& other) {
    rank_ = other.rank_;
    std::copy_n(other.dims_.data(), rank_, dims_.data());
    return *this;
  }

  // false, and no change, when the shape has kMaxRank dimensions already.
  [[nodiscard]] bool Append(int64_t dim) {
    if (rank_ == kMaxRank) return false;
    dims_[rank_++] = dim;
    return true;
  }
  void Clear() { rank_ = 0; }

  size_t rank() const { return rank_; }
  std::span<const int64_t> dims() const { return {dims_.data(), rank_}; }
  int64_t operator[](size_t index) const { return dims_[index]; }
  void Set(size_t index, int64_t dim) { dims_[index] = dim; }
  // Whether a dimension is open.
  bool has_any() const {
    return std::any_of(dims().begin(), dims().end(), [](int64_t dim) { return dim < 0; });
  }

  bool operator==(const Shape& other) const {
    return std::equal(dims().begin(), dims().end(), other.dims().begin(), other.dims().end());
  }

  // The product of the dimensions. INVALID_ARGUMENT: SHAPE_NEGATIVE, or SHAPE_TOO_LARGE above
  // kMaxElements, also where the product does not fit into 64 bits.
  Result<uint64_t> ElementCount() const;
  // "[1,4]".
  std::string ToString() const;

 private:
  size_t rank_ = 0;
  std::array<int64_t, kMaxRank> dims_;  // valid up to rank_
};

}  // namespace slipway::tensor
