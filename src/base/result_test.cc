#include "base/result.h"

#include <memory>

#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"

namespace slipway {
namespace {

Result<int> Half(int number) {
  if (number % 2 != 0) return InvalidArgument("ODD", "the number is odd");
  return number / 2;
}

Result<void> RequireSmall(int number) {
  if (number >= 100) return FailedPrecondition("LARGE", "the number is large");
  return {};
}

Result<std::unique_ptr<int>> Quarter(int number) {
  TRY_VOID(RequireSmall(number));
  TRY(half, Half(number));
  TRY(quarter, Half(half));
  return std::make_unique<int>(quarter);
}

TEST(ResultTest, PassesValuesOn) {
  EXPECT_EQ(**Quarter(12), 3);
}

TEST(ResultTest, PassesTheFirstErrorOn) {
  EXPECT_THAT(Quarter(7), IsError(Code::kInvalidArgument, "ODD"));
  EXPECT_THAT(Quarter(6), IsError(Code::kInvalidArgument, "ODD"));
  EXPECT_THAT(Quarter(107), IsError(Code::kFailedPrecondition, "LARGE"));
}

Result<int> Sum(int a, int b) {
  // Two in one scope, and commas in the expression.
  TRY(first, Half(a));
  TRY(second, [](int x, int y) { return Half(x + y); }(b, 0));
  return first + second;
}

TEST(ResultTest, TakesAnyExpression) {
  EXPECT_EQ(*Sum(4, 6), 5);
}

TEST(ResultTest, MovesValuesOut) {
  const auto take = []() -> Result<std::unique_ptr<int>> {
    TRY(pointer, Quarter(12));
    return pointer;
  };
  EXPECT_EQ(**take(), 3);
}

TEST(ResultTest, EndsTheProcessWhenAnErrorIsTakenForAValue) {
  EXPECT_DEATH(Half(7).value(), "CHECK failed: result has a value INVALID_ARGUMENT ODD");
}

TEST(ResultTest, AnErrorOfASuccessIsNone) {
  EXPECT_EQ(Half(2).error().reason(), "NO_ERROR");
}

}  // namespace
}  // namespace slipway
