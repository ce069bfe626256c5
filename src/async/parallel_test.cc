#include "async/parallel.h"

#include <barrier>
#include <set>

#include <gtest/gtest.h>

#include "async/guarded.h"
#include "base/testing/result_matchers.h"

namespace slipway {
namespace {

TEST(ForEachInParallelTest, EachIndexOnce) {
  for (const size_t workers : {0U, 1U, 3U, 50U}) {
    Guarded<std::multiset<size_t>> seen;
    ASSERT_THAT(ForEachInParallel(20, workers,
                                  [&](size_t index, size_t worker) {
                                    EXPECT_LT(worker, std::max<size_t>(workers, 1));
                                    seen.With([index](auto& all) { all.insert(index); });
                                    return Result<void>();
                                  }),
                IsOk());
    seen.With([](const auto& all) {
      ASSERT_EQ(all.size(), 20U);
      EXPECT_EQ(*all.rbegin(), 19U);
      EXPECT_EQ(std::set<size_t>(all.begin(), all.end()).size(), 20U);
    });
  }
  EXPECT_THAT(
      ForEachInParallel(0, 4, [](size_t, size_t) { return Result<void>(Internal("X", "no")); }),
      IsOk());
}

TEST(ForEachInParallelTest, ThatManyAtOnce) {
  std::barrier all_inside(4);
  ASSERT_THAT(ForEachInParallel(8, 4,
                                [&](size_t, size_t) {
                                  all_inside.arrive_and_wait();
                                  return Result<void>();
                                }),
              IsOk());
}

TEST(ForEachInParallelTest, AnErrorEndsIt) {
  size_t calls = 0;
  EXPECT_THAT(ForEachInParallel(10, 1,
                                [&](size_t index, size_t) -> Result<void> {
                                  ++calls;
                                  if (index == 2) return Unavailable("DOWN", "down");
                                  return {};
                                }),
              IsError(Code::kUnavailable, "DOWN"));
  EXPECT_EQ(calls, 3U);
}

}  // namespace
}  // namespace slipway
