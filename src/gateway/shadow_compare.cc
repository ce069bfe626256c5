#include "gateway/shadow_compare.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "tensor/float16.h"

namespace slipway::gateway {
namespace {

using tensor::DataType;
using tensor::Tensor;

void Differ(size_t at, Comparison& out) {
  if (!out.differs) out.first = at;
  out.differs = true;
}

void CompareReal(double a, double b, size_t at, const routing::Tolerance& tolerance,
                 Comparison& out) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return;
  if (!std::isfinite(a) || !std::isfinite(b)) return Differ(at, out);
  const double difference = std::abs(a - b);
  out.greatest = std::max(out.greatest, difference);
  if (difference > tolerance.absolute + tolerance.relative * std::abs(a)) Differ(at, out);
}

struct Range {
  size_t begin;
  size_t end;
};

template <class T>
void CompareWhole(const Tensor& a, const Tensor& b, Range range, Comparison& out) {
  for (size_t i = range.begin; i < range.end; ++i) {
    const T x = a.as<T>()[i];
    const T y = b.as<T>()[i];
    if (x == y) continue;
    const double difference = static_cast<double>(x) - static_cast<double>(y);
    out.greatest = std::max(out.greatest, std::abs(difference));
    Differ(i, out);
  }
}

template <class T, class ToDouble>
void CompareReals(const Tensor& a, const Tensor& b, Range range,
                  const routing::Tolerance& tolerance, ToDouble to_double, Comparison& out) {
  for (size_t i = range.begin; i < range.end; ++i) {
    CompareReal(to_double(a.as<T>()[i]), to_double(b.as<T>()[i]), i, tolerance, out);
  }
}

void CompareStrings(const Tensor& a, const Tensor& b, Range range, Comparison& out) {
  for (size_t i = range.begin; i < range.end; ++i) {
    if (a.strings()[i] != b.strings()[i]) Differ(i, out);
  }
}

double Plain(double value) {
  return value;
}

}  // namespace

void CompareElements(const Tensor& answered, const Tensor& shadow, size_t begin, size_t end,
                     const routing::Tolerance& tolerance, Comparison& out) {
  const Range range{.begin = begin, .end = end};
  switch (answered.type()) {
    case DataType::kFp64:
      return CompareReals<double>(answered, shadow, range, tolerance, Plain, out);
    case DataType::kFp32:
      return CompareReals<float>(answered, shadow, range, tolerance, Plain, out);
    case DataType::kFp16:
      return CompareReals<uint16_t>(answered, shadow, range, tolerance, tensor::FromFp16, out);
    case DataType::kBf16:
      return CompareReals<uint16_t>(answered, shadow, range, tolerance, tensor::FromBf16, out);
    case DataType::kBool:
    case DataType::kUint8:
      return CompareWhole<uint8_t>(answered, shadow, range, out);
    case DataType::kUint16:
      return CompareWhole<uint16_t>(answered, shadow, range, out);
    case DataType::kUint32:
      return CompareWhole<uint32_t>(answered, shadow, range, out);
    case DataType::kUint64:
      return CompareWhole<uint64_t>(answered, shadow, range, out);
    case DataType::kInt8:
      return CompareWhole<int8_t>(answered, shadow, range, out);
    case DataType::kInt16:
      return CompareWhole<int16_t>(answered, shadow, range, out);
    case DataType::kInt32:
      return CompareWhole<int32_t>(answered, shadow, range, out);
    case DataType::kInt64:
      return CompareWhole<int64_t>(answered, shadow, range, out);
    case DataType::kBytes:
      return CompareStrings(answered, shadow, range, out);
  }
}

}  // namespace slipway::gateway
