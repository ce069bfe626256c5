#include "tensor/buffer.h"

#include <cstdint>

#include "tensor/limits.h"

namespace slipway::tensor {

bool AlignedBuffer::Reserve(size_t size) {
  if (size <= capacity_ && capacity_ > 0) return true;
  Free();
  if (size > SIZE_MAX - kBufferAlignment) return false;
  const size_t rounded = (size + kBufferAlignment) / kBufferAlignment * kBufferAlignment;
  block_.reset(static_cast<std::byte*>(std::aligned_alloc(kBufferAlignment, rounded)));
  if (block_ == nullptr) return false;
  capacity_ = rounded;
  return true;
}

}  // namespace slipway::tensor
