#include "cli/exit_code.h"

#include <array>
#include <utility>

#include <gtest/gtest.h>

namespace slipway::cli {
namespace {

TEST(ExitCodeOf, IsAStableTable) {
  constexpr std::array<std::pair<Code, int>, 16> kTable = {{
      {Code::kCancelled, 130},
      {Code::kUnknown, 1},
      {Code::kInvalidArgument, 2},
      {Code::kDeadlineExceeded, 9},
      {Code::kNotFound, 3},
      {Code::kAlreadyExists, 4},
      {Code::kPermissionDenied, 5},
      {Code::kResourceExhausted, 7},
      {Code::kFailedPrecondition, 6},
      {Code::kAborted, 4},
      {Code::kOutOfRange, 2},
      {Code::kUnimplemented, 10},
      {Code::kInternal, 1},
      {Code::kUnavailable, 8},
      {Code::kDataLoss, 1},
      {Code::kUnauthenticated, 5},
  }};
  for (const auto& [code, exit_code] : kTable) {
    EXPECT_EQ(ExitCodeOf(code), exit_code) << CodeName(code);
  }
}

}  // namespace
}  // namespace slipway::cli
