#include "gateway/shadow_compare.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "tensor/float16.h"

namespace slipway::gateway {
namespace {

using tensor::DataType;
using tensor::Tensor;

template <class T>
Tensor Make(DataType type, const std::vector<T>& values) {
  Tensor tensor;
  tensor::Shape shape;
  EXPECT_TRUE(shape.Append(static_cast<int64_t>(values.size())));
  EXPECT_TRUE(tensor.Reset(type, shape).has_value());
  std::memcpy(tensor.data(), values.data(), values.size() * sizeof(T));
  return tensor;
}

template <class T>
Comparison Compare(DataType type, const std::vector<T>& a, const std::vector<T>& b,
                   routing::Tolerance tolerance = {.absolute = 0.5, .relative = 0}) {
  Comparison out;
  CompareElements(Make(type, a), Make(type, b), 0, a.size(), tolerance, out);
  return out;
}

TEST(ShadowCompare, NumbersWithAFractionMayBeApart) {
  const auto near = Compare<float>(DataType::kFp32, {1, 2, 3}, {1, 2.5F, 3});
  EXPECT_FALSE(near.differs);
  EXPECT_DOUBLE_EQ(near.greatest, 0.5);
  const auto far = Compare<double>(DataType::kFp64, {1, 2, 3}, {1, 2.625, 5});
  EXPECT_TRUE(far.differs);
  EXPECT_EQ(far.first, 1u);
  EXPECT_DOUBLE_EQ(far.greatest, 2);
  EXPECT_FALSE(
      Compare<double>(DataType::kFp64, {-100}, {-101}, {.absolute = 0, .relative = 0.01}).differs);
  EXPECT_TRUE(Compare<double>(DataType::kFp64, {-100}, {-101.1}, {.absolute = 0, .relative = 0.01})
                  .differs);
}

TEST(ShadowCompare, NarrowFloats) {
  const std::vector<uint16_t> one = {tensor::ToFp16(1.0)};
  EXPECT_FALSE(Compare(DataType::kFp16, one, {tensor::ToFp16(1.25)}).differs);
  EXPECT_TRUE(Compare(DataType::kFp16, one, {tensor::ToFp16(2.0)}).differs);
  EXPECT_FALSE(Compare<uint16_t>(DataType::kBf16, {0x3f80}, {0x3fa0}).differs);  // 1, 1.25
  EXPECT_TRUE(Compare<uint16_t>(DataType::kBf16, {0x3f80}, {0x4000}).differs);   // 1, 2
}

TEST(ShadowCompare, NumbersThatAreNotFinite) {
  const double nan = std::nan("");
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(Compare<double>(DataType::kFp64, {nan, infinity}, {nan, infinity}).differs);
  const auto other = Compare<double>(DataType::kFp64, {1, infinity}, {nan, -infinity});
  EXPECT_TRUE(other.differs);
  EXPECT_EQ(other.first, 0u);
  EXPECT_EQ(other.greatest, 0);
}

TEST(ShadowCompare, WholeNumbersAndTextsAreTheSameOrNot) {
  const auto numbers = Compare<int64_t>(DataType::kInt64, {5, 7}, {5, 4});
  EXPECT_TRUE(numbers.differs);
  EXPECT_EQ(numbers.first, 1u);
  EXPECT_DOUBLE_EQ(numbers.greatest, 3);
  EXPECT_TRUE(Compare<uint8_t>(DataType::kBool, {1}, {0}).differs);
  EXPECT_FALSE(Compare<uint64_t>(DataType::kUint64, {~uint64_t{0}}, {~uint64_t{0}}).differs);
  Tensor texts[2];
  const char* const elements[2][2] = {{"a", "b"}, {"a", "c"}};
  for (int i = 0; i < 2; ++i) {
    tensor::Shape shape;
    ASSERT_TRUE(shape.Append(2));
    ASSERT_TRUE(texts[i].Reset(DataType::kBytes, shape).has_value());
    for (const char* element : elements[i]) texts[i].AppendString(element);
    texts[i].SealStrings();
  }
  Comparison out;
  CompareElements(texts[0], texts[1], 0, 2, {}, out);
  EXPECT_TRUE(out.differs);
  EXPECT_EQ(out.first, 1u);
}

TEST(ShadowCompare, GoesOnWhereItStopped) {
  const Tensor a = Make<float>(DataType::kFp32, {0, 0, 0, 0});
  const Tensor b = Make<float>(DataType::kFp32, {0, 0, 9, 0});
  Comparison out;
  CompareElements(a, b, 0, 2, {}, out);
  EXPECT_FALSE(out.differs);
  CompareElements(a, b, 2, 4, {}, out);
  EXPECT_TRUE(out.differs);
  EXPECT_EQ(out.first, 2u);
}

}  // namespace
}  // namespace slipway::gateway
