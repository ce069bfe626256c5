#include "base/metrics.h"

#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace slipway {
namespace {

// The lines of the text that begin with `prefix`.
std::vector<std::string> LinesOf(const std::string& prefix) {
  std::istringstream text(MetricsText());
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with(prefix)) lines.push_back(line);
  }
  return lines;
}

TEST(MetricsTest, CounterIsExactAfterThreadsEnd) {
  Counter& counter = GetCounter("test_threads_total", "Of threads.");
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&counter] {
      for (int j = 0; j < 10'000; ++j) counter.Add(1);
    });
  }
  // Reading while others write is allowed.
  EXPECT_LE(counter.Value(), 80'000U);
  for (std::thread& thread : threads) thread.join();
  counter.Add(5);
  EXPECT_EQ(counter.Value(), 80'005U);
  EXPECT_EQ(LinesOf("test_threads_total"), std::vector<std::string>{"test_threads_total 80005"});
}

TEST(MetricsTest, SameNameAndLabelsAreTheSameObject) {
  Counter& one = GetCounter("test_same_total", "Help.", {{"a", "1"}, {"b", "2"}});
  Counter& two = GetCounter("test_same_total", "Help.", {{"b", "2"}, {"a", "1"}});
  Counter& other = GetCounter("test_same_total", "Help.", {{"a", "1"}});
  EXPECT_EQ(&one, &two);
  EXPECT_NE(&one, &other);
}

TEST(MetricsTest, TextEscapesAndSorts) {
  GetGauge("test_zz", "Line one\nwith \\ and \"quotes\".", {{"path", "a\"b\\c\nd"}}).Set(1.5);
  GetGauge("test_aa", "First.").Set(-2);
  EXPECT_EQ(LinesOf("test_zz{"), std::vector<std::string>{R"(test_zz{path="a\"b\\c\nd"} 1.5)"});
  EXPECT_EQ(LinesOf("# HELP test_zz"),
            std::vector<std::string>{R"(# HELP test_zz Line one\nwith \\ and "quotes".)"});
  EXPECT_EQ(LinesOf("# TYPE test_zz"), std::vector<std::string>{"# TYPE test_zz gauge"});
  const std::string text = MetricsText();
  EXPECT_LT(text.find("test_aa"), text.find("test_zz"));
}

TEST(MetricsTest, GaugeAdds) {
  Gauge& gauge = GetGauge("test_gauge_adds", "Help.");
  gauge.Set(2);
  gauge.Add(0.5);
  gauge.Add(-1);
  EXPECT_EQ(gauge.Value(), 1.5);
}

TEST(MetricsTest, HistogramBucketsHoldTheirBounds) {
  Histogram& histogram = GetHistogram("test_seconds", "Help.", {{"x", "y"}});
  histogram.ObserveNs(0);
  histogram.ObserveNs(1'000);            // 1 us: in the first bucket
  histogram.ObserveNs(1'001);            // above it: at most 1.25 us
  histogram.ObserveNs(1'250);            // at most 1.25 us
  histogram.ObserveNs(2'000'000);        // 2 ms, between 1.792 and 2.048
  histogram.ObserveNs(200'000'000'000);  // above all bounds
  EXPECT_EQ(histogram.Count(), 6U);
  const std::string prefix = R"(test_seconds_bucket{x="y",le=")";
  EXPECT_EQ(LinesOf(prefix + "1e-06\""), std::vector<std::string>{prefix + "1e-06\"} 2"});
  EXPECT_EQ(LinesOf(prefix + "1.25e-06\""), std::vector<std::string>{prefix + "1.25e-06\"} 4"});
  EXPECT_EQ(LinesOf(prefix + "0.001792\""), std::vector<std::string>{prefix + "0.001792\"} 4"});
  EXPECT_EQ(LinesOf(prefix + "0.002048\""), std::vector<std::string>{prefix + "0.002048\"} 5"});
  EXPECT_EQ(LinesOf(prefix + "+Inf\""), std::vector<std::string>{prefix + "+Inf\"} 6"});
  EXPECT_EQ(LinesOf("test_seconds_count"),
            std::vector<std::string>{R"(test_seconds_count{x="y"} 6)"});
  EXPECT_EQ(LinesOf("test_seconds_sum").size(), 1U);
}

TEST(MetricsTest, EveryDurationIsInTheBucketBelowWhoseBoundItLies) {
  Histogram& histogram = GetHistogram("test_all_seconds", "Help.");
  uint64_t observed = 0;
  for (uint64_t ns = 500; ns < 150'000'000'000; ns = ns * 9 / 8 + 1) {
    histogram.ObserveNs(ns);
    ++observed;
  }
  uint64_t last = 0;
  double bound_before = 0;
  for (const std::string& line : LinesOf("test_all_seconds_bucket{le=\"")) {
    const size_t quote = line.find('"');
    const std::string bound_text = line.substr(quote + 1, line.rfind('"') - quote - 1);
    const double bound = bound_text == "+Inf" ? 1e300 : std::stod(bound_text);
    EXPECT_GT(bound, bound_before);
    const uint64_t count = std::stoull(line.substr(line.rfind(' ') + 1));
    uint64_t expected = 0;
    for (uint64_t ns = 500; ns < 150'000'000'000; ns = ns * 9 / 8 + 1) {
      if (static_cast<double>(ns) * 1e-9 <= bound * (1 + 1e-12)) ++expected;
    }
    EXPECT_EQ(count, expected) << line;
    EXPECT_GE(count, last);
    last = count;
    bound_before = bound;
  }
  EXPECT_EQ(last, observed);
}

TEST(MetricsTest, CollectorsComeAndGo) {
  GetCounter("test_collected_total", "Help.", {{"from", "counter"}}).Add(1);
  std::vector<uint64_t> buckets(kHistogramBuckets);
  ++buckets[HistogramBucket(1'500)];
  {
    const std::unique_ptr<MetricCollection> collection =
        CollectMetrics([&buckets](MetricSink& sink) {
          sink.Counter("test_collected_total", "Help.", {{"from", "collector"}}, 2);
          sink.Counter("test_collected_total", "Help.", {{"from", "counter"}}, 9);
          sink.Gauge("test_collected", "Help.", {}, 0.25);
          sink.HistogramNs("test_collected_seconds", "Help.", {}, buckets, 1'500);
        });
    EXPECT_EQ(LinesOf("test_collected_total"),
              (std::vector<std::string>{R"(test_collected_total{from="collector"} 2)",
                                        R"(test_collected_total{from="counter"} 1)"}));
    EXPECT_EQ(LinesOf("test_collected "), std::vector<std::string>{"test_collected 0.25"});
    EXPECT_EQ(LinesOf("test_collected_seconds_bucket{le=\"1.25e-06\""),
              std::vector<std::string>{"test_collected_seconds_bucket{le=\"1.25e-06\"} 0"});
    EXPECT_EQ(LinesOf("test_collected_seconds_bucket{le=\"1.5e-06\""),
              std::vector<std::string>{"test_collected_seconds_bucket{le=\"1.5e-06\"} 1"});
    EXPECT_EQ(LinesOf("test_collected_seconds_sum"),
              std::vector<std::string>{"test_collected_seconds_sum 1.5e-06"});
  }
  EXPECT_EQ(LinesOf("test_collected_total").size(), 1U);
  EXPECT_EQ(LinesOf("test_collected "), std::vector<std::string>());
}

TEST(MetricsDeathTest, OneNameHasOneType) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  GetCounter("test_typed_total", "Help.");
  EXPECT_DEATH(GetGauge("test_typed_total", "Help."), "CHECK failed");
  EXPECT_DEATH(GetCounter("bad name", "Help."), "CHECK failed");
}

}  // namespace
}  // namespace slipway
