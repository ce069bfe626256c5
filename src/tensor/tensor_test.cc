#include "tensor/tensor.h"

#include <cmath>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>

#include "tensor/float16.h"
#include "tensor/signature.h"

namespace slipway::tensor {
namespace {

TEST(DataType, NamesGoBothWays) {
  for (uint32_t number = 1; number <= 14; ++number) {
    const auto type = DataTypeFromNumber(number);
    ASSERT_TRUE(type);
    EXPECT_EQ(ParseDataType(DataTypeName(*type)), type);
  }
  EXPECT_EQ(DataTypeFromNumber(0), std::nullopt);
  EXPECT_EQ(DataTypeFromNumber(15), std::nullopt);
  EXPECT_EQ(ParseDataType("fp32"), std::nullopt);
  EXPECT_EQ(ElementSize(DataType::kBf16), 2u);
  EXPECT_EQ(ElementSize(DataType::kBytes), 0u);
}

TEST(Shape, CountsElements) {
  EXPECT_EQ(Shape{}.ElementCount().value(), 1u);
  EXPECT_EQ((Shape{2, 3, 4}).ElementCount().value(), 24u);
  EXPECT_EQ((Shape{int64_t{1} << 62, 0, int64_t{1} << 62}).ElementCount().value(), 0u);
}

TEST(Shape, RefusesWhatOverflowsOrIsNegative) {
  // 2^32 * 2^32 is 0 in 64 bits; 3 * 2^62 wraps to a small number.
  for (const Shape& shape : {Shape{int64_t{1} << 32, int64_t{1} << 32}, Shape{3, int64_t{1} << 62},
                             Shape{std::numeric_limits<int64_t>::max(), 2},
                             Shape{static_cast<int64_t>(kMaxElements) + 1}}) {
    ASSERT_TRUE(shape.ElementCount().has_error()) << shape.ToString();
    EXPECT_EQ(shape.ElementCount().error().reason(), "SHAPE_TOO_LARGE");
  }
  EXPECT_EQ((Shape{2, -1}).ElementCount().error().reason(), "SHAPE_NEGATIVE");
  EXPECT_EQ((Shape{0, -5}).ElementCount().error().reason(), "SHAPE_NEGATIVE");
}

TEST(Shape, HoldsNoMoreThanTheLimit) {
  Shape shape;
  for (size_t i = 0; i < kMaxRank; ++i) EXPECT_TRUE(shape.Append(1));
  EXPECT_FALSE(shape.Append(1));
  EXPECT_EQ(shape.rank(), kMaxRank);
}

TEST(Float16, EveryHalfComesBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float wide = FromFp16(half);
    if (std::isnan(wide)) {
      EXPECT_TRUE(std::isnan(FromFp16(ToFp16(wide))));
    } else {
      EXPECT_EQ(ToFp16(wide), half) << wide;
    }
    const float brain = FromBf16(half);
    // A double cannot tell subnormals of BF16 apart from normal numbers: all of them come back.
    if (std::isnan(brain)) {
      EXPECT_TRUE(std::isnan(FromBf16(ToBf16(brain))));
    } else {
      EXPECT_EQ(ToBf16(brain), half) << brain;
    }
  }
}

TEST(Float16, RoundsToNearestEven) {
  EXPECT_EQ(ToFp16(1.0), 0x3c00);
  EXPECT_EQ(ToFp16(1.0 + 0x1p-11), 0x3c00);            // a tie goes to the even one below
  EXPECT_EQ(ToFp16(1.0 + 3 * 0x1p-11), 0x3c02);        // and to the even one above
  EXPECT_EQ(ToFp16(1.0 + 0x1p-11 + 0x1p-40), 0x3c01);  // lost where a float stands between
  EXPECT_EQ(ToFp16(65504.0), 0x7bff);                  // the largest
  EXPECT_EQ(ToFp16(65519.999), 0x7bff);
  EXPECT_EQ(ToFp16(65520.0), 0x7c00);  // infinity
  EXPECT_EQ(ToFp16(-1e300), 0xfc00);
  EXPECT_EQ(ToFp16(0x1p-24), 0x0001);  // the smallest
  EXPECT_EQ(ToFp16(0x1p-25), 0x0000);  // a tie to even zero
  EXPECT_EQ(ToFp16(std::nextafter(0x1p-25, 1.0)), 0x0001);
  EXPECT_EQ(ToFp16(-0.0), 0x8000);
  EXPECT_EQ(ToBf16(1.0), 0x3f80);
  EXPECT_EQ(ToBf16(3.4e38), 0x7f80);
}

TEST(Tensor, ResetKeepsItsMemory) {
  Tensor tensor;
  ASSERT_TRUE(tensor.Reset(DataType::kFp32, {1, 4}).has_value());
  const std::byte* data = tensor.data();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % kBufferAlignment, 0u);
  EXPECT_EQ(tensor.size_bytes(), 16u);
  ASSERT_TRUE(tensor.Reset(DataType::kFp64, {2}).has_value());
  EXPECT_EQ(tensor.data(), data);
}

TEST(Tensor, RefusesMoreThanTheLimitBeforeAllocating) {
  Tensor tensor;
  const auto result = tensor.Reset(DataType::kFp64, {static_cast<int64_t>(kMaxTensorBytes / 4)});
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().reason(), "SHAPE_TOO_LARGE");
}

TEST(Tensor, StringsSurviveGrowthAndMoves) {
  Tensor tensor;
  ASSERT_TRUE(tensor.Reset(DataType::kBytes, {3}).has_value());
  tensor.AppendString("a");
  tensor.AppendString("");
  tensor.AppendString(std::string_view("b\0c", 3));
  tensor.SealStrings();
  const Tensor moved = std::move(tensor);
  ASSERT_EQ(moved.strings().size(), 3u);
  EXPECT_EQ(moved.strings()[0], "a");
  EXPECT_EQ(moved.strings()[1], "");
  EXPECT_EQ(moved.strings()[2], std::string_view("b\0c", 3));
}

TEST(Tensor, ForeignMemoryIsReleasedOnce) {
  int released = 0;
  float numbers[2] = {1, 2};
  const ForeignOwner owner{&released, [](void* count) { ++*static_cast<int*>(count); }};
  {
    Tensor tensor;
    ASSERT_TRUE(tensor.Borrow(DataType::kFp32, {2}, numbers, owner).has_value());
    Tensor moved = std::move(tensor);
    EXPECT_EQ(moved.as<float>()[1], 2);
    EXPECT_EQ(released, 0);
    ASSERT_TRUE(moved.Reset(DataType::kFp32, {1}).has_value());
    EXPECT_EQ(released, 1);
  }
  EXPECT_EQ(released, 1);
}

Signature Classifier() {
  Signature signature;
  signature.inputs.push_back({"x", DataType::kFp32, {-1, 4}, {"batch", ""}});
  signature.outputs.push_back({"label", DataType::kInt64, {-1}, {"batch"}});
  signature.outputs.push_back({"boxes", DataType::kFp32, {-1, 4}, {"found", ""}});
  return signature;
}

TEST(Signature, MatchesFixedDimensions) {
  const TensorSpec spec = Classifier().inputs[0];
  EXPECT_TRUE(Matches(spec, {7, 4}));
  EXPECT_FALSE(Matches(spec, {7, 5}));
  EXPECT_FALSE(Matches(spec, {4}));
}

TEST(Signature, PredictsWhatSymbolsTell) {
  const Signature signature = Classifier();
  std::vector<Tensor> inputs(1);
  ASSERT_TRUE(inputs[0].Reset(DataType::kFp32, {7, 4}).has_value());
  EXPECT_EQ(PredictOutputShape(signature, 0, inputs), Shape{7});
  EXPECT_EQ(PredictOutputShape(signature, 1, inputs), std::nullopt);
}

TEST(Signature, RefusesTextThatIsNoUtf8) {
  Signature signature = Classifier();
  signature.outputs[1].name = "ab\xff";
  const Error name = CheckSignature(signature).error();
  EXPECT_EQ(name.reason(), "SIGNATURE_INVALID");
  EXPECT_EQ(name.message(), "output 1 has a name that is not UTF-8, from its byte 3 on");
  signature = Classifier();
  signature.inputs[0].symbols = {"a", "\xc0\x80"};
  const Error symbol = CheckSignature(signature).error();
  EXPECT_EQ(symbol.reason(), "SIGNATURE_INVALID");
  EXPECT_NE(symbol.message().find("not UTF-8, of dimension 1"), std::string::npos);
}

TEST(Signature, RefusesRepeatedNames) {
  Signature signature = Classifier();
  ASSERT_TRUE(CheckSignature(signature).has_value());
  signature.outputs[1].name = "label";
  EXPECT_EQ(CheckSignature(signature).error().reason(), "SIGNATURE_INVALID");
}

}  // namespace
}  // namespace slipway::tensor
