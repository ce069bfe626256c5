// Limits of tensors. Whatever passes one is refused with a sentence that names it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace slipway::tensor {

// Dimensions of one tensor, as many as NumPy allowed until version 2.
inline constexpr size_t kMaxRank = 32;
// Elements of one tensor, and bytes of its numbers.
inline constexpr uint64_t kMaxElements = uint64_t{1} << 40;
inline constexpr uint64_t kMaxTensorBytes = uint64_t{1} << 36;
// Alignment of every buffer: a cache line, and the widest vector register.
inline constexpr size_t kBufferAlignment = 64;

}  // namespace slipway::tensor
