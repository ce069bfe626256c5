#include "resource/kinds/canary.h"

#include <gtest/gtest.h>

namespace slipway::resource {
namespace {

// The error's field and message for a canary with these steps and this condition.
std::string Problem(std::vector<CanaryStep> steps, CanaryCondition condition) {
  const Result<void> checked =
      CheckCanary({.steps = std::move(steps), .conditions = {std::move(condition)}}, "c");
  return checked.has_value() ? "" : checked.error().message();
}

const CanaryCondition kGood{.metric = "errorRate", .max = 0.01};

TEST(CheckCanary, StepsRiseAndLastSomeTime) {
  EXPECT_EQ(Problem({{100, "0s"}, {10'000, "7d"}}, kGood), "");
  EXPECT_EQ(Problem({{100, "1s"}, {100, "1s"}}, kGood),
            "c.steps[1].weight: more than the 100 of the step before, got 100");
  EXPECT_EQ(Problem({{100, "8d"}}, kGood), "c.steps[0].hold: 0s to 7d, got \"8d\"");
}

TEST(CheckCanary, ConditionsSayWhatTheyMean) {
  const std::vector<CanaryStep> steps = {{100, "1s"}};
  EXPECT_EQ(Problem(steps, {.metric = "latencyMs", .max = 1}),
            "c.conditions[0].quantile: which quantile of the latency is meant, as 0.99");
  EXPECT_EQ(Problem(steps, {.metric = "errorRate"}),
            "c.conditions[0]: at least one of max, min, maxRatio and minRatio");
  EXPECT_EQ(Problem(steps, {.metric = "errorRate", .max = 5}),
            "c.conditions[0].max: an errorRate is 0 to 1: 0.01 is one of 100");
  EXPECT_EQ(Problem(steps, {.metric = "errorRate", .quantile = 0.5, .max = 1}),
            "c.conditions[0].quantile: an errorRate has no quantiles");
  EXPECT_EQ(Problem(steps, {.metric = "h", .quantile = 1, .max = 1}),
            "c.conditions[0].quantile: above 0 and below 1, as 0.99");
  EXPECT_EQ(Problem(steps, {.metric = "h", .quantile = 0.5, .per = "x", .max = 1}),
            "c.conditions[0].per: only a counter is divided by another");
}

TEST(CheckCanary, OneRevisionIsNotPromotedAndAborted) {
  CanarySpec spec{.steps = {{100, "1s"}}, .promote = 3, .abort = 3};
  EXPECT_TRUE(CheckCanary(spec, "c").has_error());
  spec.abort = 4;
  EXPECT_TRUE(CheckCanary(spec, "c").has_value());
}

TEST(CanaryTraffic, TheSplitIsTheCanarysAndTheRulesStay) {
  routing::TrafficSpec traffic;
  traffic.rules.push_back({.name = "beta", .split = {{.revision = 4}}});
  const CanaryStatus canary{.phase = "Progressing", .stable = 3, .revision = 4, .weight = 500};
  const auto out = CanaryTraffic(traffic, canary, 3);
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->rules.size(), 1U);
  ASSERT_EQ(out->split.size(), 2U);
  EXPECT_EQ(out->split[0].weight, 9'500);
  EXPECT_EQ(out->split[1].weight, 500);
  const auto before = CanaryTraffic(traffic, std::nullopt, 3);
  ASSERT_EQ(before->split.size(), 1U);
  EXPECT_EQ(before->split[0].revision, 3);
  EXPECT_FALSE(CanaryTraffic(std::nullopt, std::nullopt, 0).has_value());
}

}  // namespace
}  // namespace slipway::resource
