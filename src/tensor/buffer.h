// AlignedBuffer: memory for numbers, aligned for vector instructions and used again and again.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace slipway::tensor {

// Owns one block aligned to kBufferAlignment. Not thread-safe.
class AlignedBuffer {
 public:
  // At least `size` bytes, contents unspecified. The block that is there is kept, at its address,
  // if it is large enough. false when there is no memory; the buffer is empty then.
  [[nodiscard]] bool Reserve(size_t size);
  void Free() {
    block_.reset();
    capacity_ = 0;
  }
  std::byte* data() const { return block_.get(); }
  size_t capacity() const { return capacity_; }

 private:
  struct Deleter {
    void operator()(std::byte* block) const { std::free(block); }
  };
  std::unique_ptr<std::byte, Deleter> block_;
  size_t capacity_ = 0;
};

}  // namespace slipway::tensor
