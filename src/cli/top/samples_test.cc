#include "cli/top/samples.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace slipway::cli {
namespace {

std::string Text(int success, int failures, int fast, int slow) {
  const std::string labels = R"(model="m",namespace="default",version="1")";
  const auto line = [&](const std::string& name, int value, const std::string& more = "") {
    return name + "{" + labels + more + "} " + std::to_string(value) + "\n";
  };
  const std::string bucket = "slipway_inference_request_duration_seconds_bucket";
  return "# HELP x y\n# TYPE x counter\n" + line("nv_inference_request_success", success) +
         line("nv_inference_request_failure", failures, R"(,reason="OTHER")") +
         line("nv_inference_request_failure", failures, R"(,reason="BACKEND")") +
         line("nv_inference_count", success * 4) + line("nv_inference_exec_count", success * 2) +
         line("slipway_inference_exec_duration_us", success * 1000) +
         line("nv_inference_queue_duration_us", success * 500) +
         line("slipway_inference_waiting_request_count", 3) +
         line("nv_inference_pending_request_count", 5) +
         line("slipway_inference_model_memory_bytes", 1'000'000) +
         line(bucket, fast, R"(,le="0.001")") + line(bucket, fast + slow, R"(,le="0.01")") +
         line(bucket, fast + slow, R"(,le="+Inf")") + "slipway_request_memory_bytes 7\n";
}

const RevisionName kName{.project = "default", .service = "m", .revision = "1"};

TEST(TopSamples, AreReadFromPrometheusText) {
  const Samples samples = ReadSamples(Text(100, 3, 50, 50));
  ASSERT_EQ(samples.size(), 1u);
  const RevisionSample& sample = samples.at(kName);
  EXPECT_EQ(sample.success, 100);
  EXPECT_EQ(sample.failures, 6) << "of all reasons";
  EXPECT_EQ(sample.latency.at(0.01), 100);
}

TEST(TopSamples, WhatIsNoneIsPassedOver) {
  EXPECT_TRUE(ReadSamples("").empty());
  EXPECT_TRUE(ReadSamples("<html>{\n\n}{}{ \"\n a{b=\"c} 1\n").empty());
  const std::string line = R"(nv_inference_count{model="a\"b\\",namespace="p",version="2"} 3)";
  const Samples samples = ReadSamples(line + "\n" + line.substr(0, line.size() - 3) + "\nx{");
  ASSERT_EQ(samples.size(), 1u);
  EXPECT_EQ(samples.begin()->first.service, "a\"b\\");
  for (size_t cut = 0; cut < line.size(); ++cut) (void)ReadSamples(line.substr(0, cut));
}

TEST(TopRows, TellWhatHappenedBetween) {
  const auto rows = RowsBetween(ReadSamples(Text(100, 0, 100, 0)),
                                ReadSamples(Text(300, 1, 200, 100)), std::chrono::seconds(2));
  ASSERT_EQ(rows.size(), 1u);
  const TopRow& row = rows[0];
  EXPECT_EQ(row.rate, 100);
  EXPECT_EQ(row.failure_rate, 1);
  EXPECT_DOUBLE_EQ(*row.p50_s, 0.001);
  EXPECT_DOUBLE_EQ(*row.p99_s, 0.001 + 0.009 * 0.98);
  EXPECT_DOUBLE_EQ(*row.wait_s, 500e-6);
  EXPECT_EQ(row.waiting, 3);
  EXPECT_EQ(row.running, 2);
  EXPECT_EQ(*row.batch, 2);
  EXPECT_DOUBLE_EQ(row.busy, 0.1);
  EXPECT_EQ(row.memory_bytes, 1'000'000);
}

TEST(TopRows, NothingIsSaidOfWhatDidNotHappen) {
  const Samples samples = ReadSamples(Text(100, 0, 100, 0));
  const auto rows = RowsBetween(samples, samples, std::chrono::seconds(1));
  EXPECT_EQ(rows[0].rate, 0);
  EXPECT_FALSE(rows[0].p50_s.has_value());
  EXPECT_FALSE(rows[0].batch.has_value());
  EXPECT_TRUE(JsonOf(rows)[0]["p99Ms"].is_null());
}

TEST(TopRows, ARevisionThatWasLoadedAnewBeganAtZero) {
  const auto rows = RowsBetween(ReadSamples(Text(100, 0, 100, 0)), ReadSamples(Text(10, 0, 10, 0)),
                                std::chrono::seconds(1));
  EXPECT_EQ(rows[0].rate, 10);
}

}  // namespace
}  // namespace slipway::cli
