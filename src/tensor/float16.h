// Half-width floating point numbers: IEEE 754 binary16 (FP16) and the upper half of a binary32
// (BF16), as raw bits. Narrowing rounds to nearest, ties to even, in one step.
#pragma once

#include <bit>
#include <cstdint>

namespace slipway::tensor {

namespace internal {

// Narrows a double to 16 bits: a sign, `kExponentBits` and `kFractionBits`.
template <int kExponentBits, int kFractionBits>
inline uint16_t Narrow(double value) {
  static_assert(1 + kExponentBits + kFractionBits == 16);
  constexpr int kBias = (1 << (kExponentBits - 1)) - 1;
  constexpr uint64_t kInfinity = uint64_t{(1 << kExponentBits) - 1} << kFractionBits;

  const uint64_t bits = std::bit_cast<uint64_t>(value);
  const uint64_t sign = (bits >> 63) << 15;
  const int exponent = static_cast<int>((bits >> 52) & 0x7ff);
  uint64_t fraction = bits & ((uint64_t{1} << 52) - 1);
  if (exponent == 0x7ff) {
    const uint64_t quiet = uint64_t{1} << (kFractionBits - 1);
    return static_cast<uint16_t>(sign | kInfinity | (fraction != 0 ? quiet : 0));
  }
  if (exponent == 0) return static_cast<uint16_t>(sign);  // far below the smallest subnormal

  const int target = exponent - 1023 + kBias;
  fraction |= uint64_t{1} << 52;
  // Bits to drop: subnormal targets lose more, one for each step below exponent 1.
  const int shift = 52 - kFractionBits + (target < 1 ? 1 - target : 0);
  if (shift > 53) return static_cast<uint16_t>(sign);  // less than half of the smallest subnormal
  const uint64_t half = uint64_t{1} << (shift - 1);
  const uint64_t rest = fraction & ((half << 1) - 1);
  uint64_t narrow = fraction >> shift;
  if (rest > half || (rest == half && (narrow & 1) != 0)) ++narrow;
  // The hidden bit of a normal number adds the last one of its exponent; a carry does the same.
  if (target >= 1) narrow += static_cast<uint64_t>(target - 1) << kFractionBits;
  return static_cast<uint16_t>(sign | (narrow > kInfinity ? kInfinity : narrow));
}

}  // namespace internal

inline uint16_t ToFp16(double value) {
  return internal::Narrow<5, 10>(value);
}
inline uint16_t ToBf16(double value) {
  return internal::Narrow<8, 7>(value);
}

inline float FromBf16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

inline float FromFp16(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1f;
  const uint32_t fraction = bits & 0x3ff;
  if (exponent == 0) {  // zero, or fraction * 2^-24
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign);
  }
  const uint32_t wide = exponent == 0x1f ? 0xff : exponent - 15 + 127;
  return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

}  // namespace slipway::tensor
