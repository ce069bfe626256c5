#include "tensor/shape.h"

namespace slipway::tensor {

Result<uint64_t> Shape::ElementCount() const {
  for (int64_t dim : dims()) {
    if (dim < 0) {
      return InvalidArgument("SHAPE_NEGATIVE", "shape " + ToString() + " has the dimension " +
                                                   std::to_string(dim) +
                                                   "; dimensions of a tensor are 0 or more");
    }
  }
  // A dimension of 0 empties the tensor, whatever the product of the others would be.
  if (std::find(dims().begin(), dims().end(), 0) != dims().end()) return 0;
  uint64_t count = 1;
  for (int64_t dim : dims()) {
    if (__builtin_mul_overflow(count, static_cast<uint64_t>(dim), &count) || count > kMaxElements) {
      return InvalidArgument("SHAPE_TOO_LARGE", "shape " + ToString() + " has more than " +
                                                    std::to_string(kMaxElements) +
                                                    " elements, the most that one tensor may have");
    }
  }
  return count;
}

std::string Shape::ToString() const {
  std::string text = "[";
  for (size_t i = 0; i < rank_; ++i) {
    if (i > 0) text += ',';
    text += std::to_string(dims_[i]);
  }
  return text + "]";
}

}  // namespace slipway::tensor
