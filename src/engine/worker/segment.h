// Segment: memory that the program and a worker share, and tensors in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/descriptor.h"
#include "base/result.h"
#include "engine/worker/frame.h"
#include "tensor/tensor.h"

namespace slipway::engine::worker {

// Made by the program alone, of a size that nobody can change afterwards: memory that is mapped
// never goes away under a reader, whatever the other side does. What it holds may change at any
// time under the program, which therefore copies before it looks.
class Segment {
 public:
  Segment() = default;
  ~Segment() { Unmap(); }
  Segment(Segment&& other) noexcept { *this = std::move(other); }
  Segment& operator=(Segment&& other) noexcept;

  // At least `bytes`. RESOURCE_EXHAUSTED / WORKER_MEMORY.
  static Result<Segment> Make(uint64_t bytes);
  // The worker's side. DATA_LOSS / WORKER_FRAME for what Make did not make.
  static Result<Segment> Map(Descriptor descriptor);

  std::byte* data() const { return data_; }
  uint64_t size_bytes() const { return size_bytes_; }
  int descriptor() const { return descriptor_.get(); }

 private:
  Result<void> MapAll();
  void Unmap();

  Descriptor descriptor_;
  std::byte* data_ = nullptr;
  uint64_t size_bytes_ = 0;
};

// Where tensors go one behind the other. `size_bytes` of
// the result is what they take together.
struct Layout {
  std::vector<TensorPlace> places;
  uint64_t size_bytes = 0;
};
Layout LayOut(std::span<const tensor::Tensor> tensors, std::span<const uint32_t> indices);
// Copies each tensor to its place.
void CopyIn(std::span<const tensor::Tensor> tensors, const Layout& layout, const Segment& segment);
// Copies a tensor out. DATA_LOSS / WORKER_FRAME where the place does not lie in the segment, or its
// content is not what it says; RESOURCE_EXHAUSTED / TENSOR_MEMORY.
Result<void> CopyOut(const TensorPlace& place, const Segment& segment, tensor::Tensor& tensor);
// Lets `tensor` show what is in the segment, without a copy; strings, whose lengths are read only
// here, are shown where they lie. The same errors.
Result<void> Show(const TensorPlace& place, const Segment& segment, tensor::Tensor& tensor);

}  // namespace slipway::engine::worker
