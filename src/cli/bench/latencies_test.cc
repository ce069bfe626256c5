#include "cli/bench/latencies.h"

#include <gtest/gtest.h>

namespace slipway::cli {
namespace {

using std::chrono::nanoseconds;

TEST(Latencies, QuantilesAreWithinTwoPercent) {
  Latencies latencies;
  constexpr int64_t kCount = 100'000;
  for (int64_t i = 1; i <= kCount; ++i) latencies.Add(nanoseconds(i * 1'000));
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double wanted = share * kCount * 1'000;
    EXPECT_NEAR(static_cast<double>(latencies.Quantile(share).count()), wanted, wanted * 0.02);
  }
  EXPECT_EQ(latencies.Quantile(1), nanoseconds(kCount * 1'000));
  EXPECT_EQ(latencies.max(), nanoseconds(kCount * 1'000));
  EXPECT_EQ(latencies.mean(), nanoseconds((kCount + 1) * 500));
}

TEST(Latencies, SmallAndHugeOnesHaveTheirPlace) {
  Latencies latencies;
  EXPECT_EQ(latencies.Quantile(0.5), nanoseconds(0));
  for (const int64_t ns : {int64_t{-5}, int64_t{0}, int64_t{1}, int64_t{63}, int64_t{64},
                           int64_t{127}, int64_t{128}, INT64_MAX}) {
    latencies.Add(nanoseconds(ns));
  }
  EXPECT_EQ(latencies.count(), 8U);
  EXPECT_EQ(latencies.Quantile(0.25), nanoseconds(0));
  EXPECT_EQ(latencies.Quantile(0.5), nanoseconds(63));
  EXPECT_EQ(latencies.Quantile(1), nanoseconds(INT64_MAX));
  EXPECT_EQ(latencies.CountUpTo(nanoseconds(64)), 5U);
}

TEST(Latencies, AreAddedUp) {
  Latencies one;
  Latencies other;
  one.Add(nanoseconds(10));
  other.Add(nanoseconds(1'000'000));
  one.Add(other);
  EXPECT_EQ(one.count(), 2U);
  EXPECT_EQ(one.max(), nanoseconds(1'000'000));
  EXPECT_EQ(one.Quantile(0.5), nanoseconds(10));
}

}  // namespace
}  // namespace slipway::cli
