#include "gateway/v2/classification.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/limits.h"
#include "tensor/float16.h"

namespace slipway::gateway::v2 {
namespace {

using tensor::DataType;
using tensor::Shape;
using tensor::Tensor;
using ::testing::ElementsAre;

template <class T>
Tensor Make(DataType type, const Shape& shape, const std::vector<T>& numbers) {
  Tensor tensor;
  EXPECT_TRUE(tensor.Reset(type, shape).has_value());
  std::copy(numbers.begin(), numbers.end(), tensor.as<T>().begin());
  return tensor;
}

tensor::TensorSpec Spec(DataType type, const Shape& shape) {
  return {.name = "y", .type = type, .shape = shape};
}

TEST(Classification, EachEntryOfAnOpenFirstDimensionIsRankedByItself) {
  const Tensor values = Make<float>(DataType::kFp32, {2, 3}, {0.1F, 0.7F, 0.2F, 3, -1, 3});
  Tensor out;
  ASSERT_TRUE(Classify(Spec(DataType::kFp32, {-1, 3}), values, 2, out).has_value());
  EXPECT_EQ(out.shape(), (Shape{2, 2}));
  EXPECT_THAT(out.strings(), ElementsAre("0.700000:1", "0.200000:2", "3.000000:0", "3.000000:2"));
  ASSERT_TRUE(Classify(Spec(DataType::kFp32, {2, 3}), values, 1, out).has_value());
  EXPECT_EQ(out.shape(), (Shape{1}));
  EXPECT_THAT(out.strings(), ElementsAre("3.000000:3"));
}

TEST(Classification, NoMoreClassesThanValuesAndNotNumbersLast) {
  const Tensor values = Make<double>(DataType::kFp64, {1, 3}, {NAN, -INFINITY, 2});
  Tensor out;
  ASSERT_TRUE(Classify(Spec(DataType::kFp64, {-1, 3}), values, 4'000'000'000, out).has_value());
  EXPECT_EQ(out.shape(), (Shape{1, 3}));
  EXPECT_THAT(out.strings(), ElementsAre("2.000000:2", "-inf:1", "nan:0"));
}

TEST(Classification, TypesAreWrittenAsTheyAre) {
  Tensor out;
  const Tensor bytes = Make<uint8_t>(DataType::kUint8, {3}, {9, 250, 65});
  ASSERT_TRUE(Classify(Spec(DataType::kUint8, {3}), bytes, 3, out).has_value());
  EXPECT_THAT(out.strings(), ElementsAre("250:1", "65:2", "9:0"));
  const Tensor halves =
      Make<uint16_t>(DataType::kFp16, {2}, {tensor::ToFp16(-1.5), tensor::ToFp16(0.25)});
  ASSERT_TRUE(Classify(Spec(DataType::kFp16, {2}), halves, 1, out).has_value());
  EXPECT_THAT(out.strings(), ElementsAre("0.250000:1"));
  const Tensor large = Make<uint64_t>(DataType::kUint64, {2}, {UINT64_MAX, UINT64_MAX - 1});
  ASSERT_TRUE(Classify(Spec(DataType::kUint64, {2}), large, 2, out).has_value());
  EXPECT_THAT(out.strings(), ElementsAre("18446744073709551615:0", "18446744073709551614:1"));
}

TEST(Classification, TheBestOfManyAreFoundAndTooManyAreRefused) {
  std::vector<float> numbers(100'000);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i * 7919 % 100'003);
  const auto top = std::max_element(numbers.begin(), numbers.end());
  const Tensor values = Make<float>(DataType::kFp32, {1, 100'000}, numbers);
  Tensor out;
  ASSERT_TRUE(Classify(Spec(DataType::kFp32, {-1, -1}), values, kMaxClassStrings, out).has_value());
  std::vector<float> sorted = numbers;
  std::sort(sorted.begin(), sorted.end(), std::greater());
  EXPECT_EQ(out.strings()[0], std::to_string(*top) + ":" + std::to_string(top - numbers.begin()));
  for (size_t i = 0; i < kMaxClassStrings; ++i) {
    EXPECT_TRUE(out.strings()[i].starts_with(std::to_string(sorted[i]) + ":")) << i;
  }
  EXPECT_EQ(
      Classify(Spec(DataType::kFp32, {-1, -1}), values, kMaxClassStrings + 1, out).error().reason(),
      "CLASSIFICATION_LARGE");
  const Tensor rows = Make<float>(DataType::kFp32, {100'000, 1}, numbers);
  EXPECT_EQ(Classify(Spec(DataType::kFp32, {-1, -1}), rows, 1, out).error().reason(),
            "CLASSIFICATION_LARGE");
}

TEST(Classification, StringsAndEmptyOutputsAreRefused) {
  Tensor strings;
  ASSERT_TRUE(strings.Reset(DataType::kBytes, {0}).has_value());
  Tensor out;
  EXPECT_EQ(Classify(Spec(DataType::kBytes, {-1}), strings, 1, out).error().reason(),
            "CLASSIFICATION");
  const Tensor none = Make<float>(DataType::kFp32, {0, 4}, {});
  EXPECT_EQ(Classify(Spec(DataType::kFp32, {-1, 4}), none, 1, out).error().reason(),
            "CLASSIFICATION");
}

}  // namespace
}  // namespace slipway::gateway::v2
