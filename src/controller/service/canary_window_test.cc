#include "controller/service/canary_window.h"

#include <gtest/gtest.h>

#include "base/metrics.h"

namespace slipway::controller {
namespace {

using resource::CanaryCondition;
using resource::CanaryCounts;
using resource::CanarySpec;
using Kind = CanaryVerdict::Kind;

constexpr auto kLatency = "slipway_inference_request_duration_seconds";

CanarySpec With(CanaryCondition condition) {
  return {.steps = {{.weight = 1'000}}, .conditions = {std::move(condition)}, .min_requests = 100};
}

CanaryCounts Counted(double requests, double failures) {
  return {.since_ms = 1, .requests = requests, .failures = failures};
}

TEST(Observe, SumsWhatIsAboveTheLastLook) {
  resource::CanaryWindow window;
  CanaryCounts now = Counted(1'000, 10);
  now.counters["c"] = 5;
  now.histograms["h"] = {1, 2};
  Observe(now, window);
  EXPECT_EQ(window.sum.requests, 0) << "the first look is where the window begins";
  now = Counted(1'200, 13);
  now.counters["c"] = 8;
  now.histograms["h"] = {1, 4, 7};
  Observe(now, window);
  EXPECT_EQ(window.sum.requests, 200);
  EXPECT_EQ(window.sum.failures, 3);
  EXPECT_EQ(window.sum.counters["c"], 3);
  EXPECT_EQ(window.sum.histograms["h"], (std::vector<uint64_t>{0, 2, 7}));
}

TEST(Observe, CountersThatBeganAnewCountFromZero) {
  resource::CanaryWindow window;
  Observe(Counted(1'000, 10), window);
  Observe(Counted(1'100, 10), window);
  CanaryCounts anew = Counted(1'150, 20);
  anew.since_ms = 2;
  Observe(anew, window);
  EXPECT_EQ(window.sum.requests, 100 + 1'150);
  EXPECT_EQ(window.sum.failures, 20);
}

TEST(Judge, NothingBeforeThereAreEnoughRequests) {
  const CanarySpec spec = With({.metric = "errorRate", .max = 0.01});
  const CanaryVerdict verdict = Judge(spec, Counted(99, 99), nullptr);
  EXPECT_EQ(verdict.kind, Kind::kNotYet);
  EXPECT_EQ(verdict.reason, "99 of 100 requests");
}

TEST(Judge, AnAbsoluteLimit) {
  const CanarySpec spec = With({.metric = "errorRate", .max = 0.01});
  const CanaryVerdict good = Judge(spec, Counted(1'000, 10), nullptr);
  EXPECT_EQ(good.kind, Kind::kPassed);
  EXPECT_EQ(good.figures, "errorRate 0.01 (at most 0.01)");
  const CanaryVerdict bad = Judge(spec, Counted(1'000, 11), nullptr);
  EXPECT_EQ(bad.kind, Kind::kFailed);
  EXPECT_EQ(bad.reason, "errorRate 0.011 is above 0.01");
}

TEST(Judge, TheWiderOfTwoLimitsCounts) {
  const CanarySpec spec = With({.metric = "errorRate", .max = 0.01, .max_ratio = 2});
  const CanaryCounts stable = Counted(1'000, 20);
  EXPECT_EQ(Judge(spec, Counted(1'000, 40), &stable).kind, Kind::kPassed);
  const CanaryVerdict bad = Judge(spec, Counted(1'000, 41), &stable);
  EXPECT_EQ(bad.kind, Kind::kFailed);
  EXPECT_EQ(bad.reason, "errorRate 0.041 is above 0.04 (stable 0.02)");
  const CanaryCounts clean = Counted(1'000, 0);
  EXPECT_EQ(Judge(spec, Counted(1'000, 10), &clean).kind, Kind::kPassed);
  // What was measured is told, also where one failure is counted for none.
  EXPECT_EQ(Judge(spec, Counted(1'000, 10), &clean).figures,
            "errorRate 0.01 (at most 0.01; stable 0)");
}

TEST(Judge, ARatioNeedsRequestsOfTheStableRevisionToo) {
  const CanarySpec spec = With({.metric = "errorRate", .max_ratio = 2});
  const CanaryCounts few = Counted(99, 0);
  const CanaryVerdict verdict = Judge(spec, Counted(1'000, 0), &few);
  EXPECT_EQ(verdict.kind, Kind::kNotYet);
  EXPECT_EQ(verdict.reason,
            "errorRate: 99 of 100 requests to the stable revision, to compare with");
  EXPECT_EQ(Judge(spec, Counted(1'000, 999), nullptr).kind, Kind::kPassed)
      << "a stable revision that gets nothing is compared with nobody";
}

TEST(Judge, ALatencyByItsHistogram) {
  CanarySpec spec = With({.metric = "latencyMs", .quantile = 0.5, .max = 10});
  CanaryCounts counts = Counted(100, 0);
  std::vector<uint64_t>& buckets = counts.histograms[kLatency];
  buckets.resize(kHistogramBuckets);
  buckets[HistogramBucket(8'000'000)] = 51;
  buckets[HistogramBucket(50'000'000)] = 49;
  EXPECT_EQ(Judge(spec, counts, nullptr).kind, Kind::kPassed);
  spec.conditions[0].quantile = 0.9;
  EXPECT_EQ(Judge(spec, counts, nullptr).kind, Kind::kFailed);
}

TEST(Judge, ARevisionThatAnswersNothingWellHasNoLatencyAndFails) {
  const CanarySpec spec = With({.metric = "latencyMs", .quantile = 0.5, .max = 10});
  CanaryCounts counts = Counted(100, 100);
  counts.histograms[kLatency] = {};
  const CanaryVerdict verdict = Judge(spec, counts, nullptr);
  EXPECT_EQ(verdict.kind, Kind::kFailed);
  EXPECT_EQ(verdict.reason, "latencyMs p50: no request was answered well");
}

TEST(Judge, AnyCounterPerRequestOrPerAnother) {
  CanarySpec spec = With({.metric = "queue_us", .max = 20});
  CanaryCounts counts = Counted(100, 0);
  counts.counters = {{"queue_us", 2'500}, {"runs", 50}};
  EXPECT_EQ(Judge(spec, counts, nullptr).reason, "queue_us 25 is above 20");
  spec.conditions[0].per = "runs";
  spec.conditions[0].max = 50;
  EXPECT_EQ(Judge(spec, counts, nullptr).figures, "queue_us per runs 50 (at most 50)");
  spec.conditions[0].metric = "nobody_knows_it";
  const CanaryVerdict unknown = Judge(spec, counts, nullptr);
  EXPECT_EQ(unknown.kind, Kind::kNotYet);
  EXPECT_EQ(unknown.reason, "nobody_knows_it per runs: it has no metric nobody_knows_it");
}

TEST(Judge, AGaugeIsTakenAsItIs) {
  const CanarySpec spec = With({.metric = "pending", .max = 3, .min = 1});
  CanaryCounts counts = Counted(100, 0);
  counts.gauges["pending"] = 4;
  EXPECT_EQ(Judge(spec, counts, nullptr).kind, Kind::kFailed);
  counts.gauges["pending"] = 0;
  EXPECT_EQ(Judge(spec, counts, nullptr).reason, "pending 0 is below 1");
  counts.gauges["pending"] = 2;
  EXPECT_EQ(Judge(spec, counts, nullptr).kind, Kind::kPassed);
}

TEST(CountsOf, KeepsWhatConditionsLookAt) {
  const CanarySpec spec = With({.metric = "queue_us", .per = "runs", .max = 1});
  const CanaryCounts counts =
      CountsOf(spec, {.uid = "u",
                      .since_ms = 7,
                      .requests = 3,
                      .failures = 1,
                      .counters = {{"queue_us", 1}, {"runs", 2}, {"other", 3}},
                      .gauges = {{"g", 1}},
                      .histograms = {{kLatency, {1}}}});
  EXPECT_EQ(counts.since_ms, 7);
  EXPECT_EQ(counts.counters.size(), 2U);
  EXPECT_TRUE(counts.gauges.empty());
  EXPECT_TRUE(counts.histograms.empty());
}

TEST(QuantileSeconds, LiesWithinItsBucket) {
  EXPECT_FALSE(QuantileSeconds({}, 0.5).has_value());
  EXPECT_FALSE(QuantileSeconds({0, 0}, 0.5).has_value());
  std::vector<uint64_t> buckets(kHistogramBuckets);
  const size_t bucket = HistogramBucket(10'000'000);
  buckets[bucket] = 100;
  const double value = *QuantileSeconds(buckets, 0.5);
  EXPECT_GT(value, HistogramBoundSeconds(bucket - 1));
  EXPECT_LT(value, HistogramBoundSeconds(bucket));
  buckets[kHistogramBuckets - 1] = 1'000;
  EXPECT_EQ(*QuantileSeconds(buckets, 0.99), HistogramBoundSeconds(kHistogramBuckets - 2));
}

}  // namespace
}  // namespace slipway::controller
