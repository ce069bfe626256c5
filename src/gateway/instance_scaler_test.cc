#include "gateway/instance_scaler.h"

#include <gtest/gtest.h>

namespace slipway::gateway {
namespace {

using std::chrono::seconds;

class InstanceScalerTest : public testing::Test {
 protected:
  void Configure(std::string metric, double target, int64_t up_ms = 0, int64_t down_ms = 0) {
    scaler_.Configure({.min_instances = fewest_,
                       .max_instances = 8,
                       .metric = std::move(metric),
                       .target = target,
                       .up_window_ms = up_ms,
                       .down_window_ms = down_ms});
  }
  size_t Look(const ScalingSample& sample) {
    now_ += seconds(1);
    instances_ = scaler_.Look(now_, sample, instances_);
    return instances_;
  }

  int32_t fewest_ = 1;
  InstanceScaler scaler_;
  InstanceScaler::Time now_{seconds(1'000)};
  size_t instances_ = 1;
};

TEST_F(InstanceScalerTest, EachInstanceHasTheTarget) {
  Configure("concurrency", 2);
  EXPECT_EQ(Look({.in_flight = 2}), 1U);
  EXPECT_EQ(Look({.in_flight = 5}), 3U);
  EXPECT_EQ(Look({.in_flight = 100}), 8U) << "never above the limit";
  EXPECT_EQ(Look({.in_flight = 0}), 1U) << "never below";
}

TEST_F(InstanceScalerTest, ATenthMoreOrLessChangesNothing) {
  Configure("concurrency", 10);
  EXPECT_EQ(Look({.in_flight = 11}), 1U);
  EXPECT_EQ(Look({.in_flight = 12}), 2U);
  EXPECT_EQ(Look({.in_flight = 18}), 2U);
}

TEST_F(InstanceScalerTest, TheQueueAlone) {
  Configure("queue", 4);
  EXPECT_EQ(Look({.in_flight = 100, .waiting = 0}), 1U);
  EXPECT_EQ(Look({.in_flight = 100, .waiting = 9}), 3U);
}

TEST_F(InstanceScalerTest, TheRateBetweenTwoLooks) {
  Configure("rate", 100);
  EXPECT_EQ(Look({.requests = 1'000}), 1U) << "one look is no rate";
  EXPECT_EQ(Look({.requests = 1'250}), 3U);
  EXPECT_EQ(Look({.requests = 1'260}), 1U);
}

TEST_F(InstanceScalerTest, TheMeanLatencyBetweenTwoLooks) {
  Configure("latencyMs", 10);
  instances_ = 2;
  Look({});
  EXPECT_EQ(Look({.requests = 10, .request_ns = 300'000'000}), 6U) << "three times the target";
  EXPECT_EQ(Look({.in_flight = 1, .requests = 10, .request_ns = 300'000'000}), 6U)
      << "somebody waits for an answer";
  EXPECT_EQ(Look({.requests = 10, .request_ns = 300'000'000}), 1U) << "nobody does";
}

TEST_F(InstanceScalerTest, NoneWhereNobodyAsks) {
  fewest_ = 0;
  Configure("concurrency", 2, 0, 2'000);
  EXPECT_EQ(Look({.arrived = 5}), 1U) << "it is not known since when";
  EXPECT_EQ(Look({.arrived = 6}), 1U);
  EXPECT_EQ(Look({.arrived = 7}), 1U) << "each came and went between two looks";
  EXPECT_EQ(Look({.arrived = 7}), 1U);
  EXPECT_EQ(Look({.arrived = 7}), 1U);
  EXPECT_EQ(Look({.arrived = 7}), 0U);
  EXPECT_EQ(Look({.arrived = 8, .in_flight = 1}), 1U);
  EXPECT_EQ(Look({.arrived = 20, .in_flight = 12}), 6U);
}

TEST_F(InstanceScalerTest, APeakThatIsShorterThanItsWindowChangesNothing) {
  Configure("concurrency", 1, /*up_ms=*/3'000);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Look({.in_flight = 1}), 1U);
  EXPECT_EQ(Look({.in_flight = 6}), 1U);
  EXPECT_EQ(Look({.in_flight = 5}), 1U);
  EXPECT_EQ(Look({.in_flight = 1}), 1U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Look({.in_flight = 6}), 1U);
  EXPECT_EQ(Look({.in_flight = 5}), 5U) << "the fewest that were wanted all the time";
}

TEST_F(InstanceScalerTest, ALullThatIsShorterThanItsWindowChangesNothing) {
  Configure("concurrency", 1, 0, /*down_ms=*/3'000);
  EXPECT_EQ(Look({.in_flight = 6}), 6U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Look({.in_flight = 2}), 6U);
  EXPECT_EQ(Look({.in_flight = 4}), 4U) << "the most that was wanted in the window";
  EXPECT_EQ(Look({.in_flight = 7}), 7U) << "more come at once";
}

TEST_F(InstanceScalerTest, OtherLimitsHoldAtOnce) {
  Configure("concurrency", 1, 0, 600'000);
  EXPECT_EQ(Look({.in_flight = 8}), 8U);
  scaler_.Configure({.min_instances = 2,
                     .max_instances = 3,
                     .metric = "concurrency",
                     .target = 1,
                     .down_window_ms = 600'000});
  EXPECT_EQ(Look({.in_flight = 8}), 3U);
  instances_ = 1;
  EXPECT_EQ(Look({.in_flight = 0}), 2U) << "the fewest that there may be";
}

}  // namespace
}  // namespace slipway::gateway
