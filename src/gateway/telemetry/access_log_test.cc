#include "gateway/telemetry/access_log.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/metrics.h"

namespace slipway::gateway {
namespace {

using ::testing::HasSubstr;

RequestRecord Answered(int status) {
  RequestRecord record;
  record.arrived = RequestRecord::Clock::now();
  record.finished = record.arrived + std::chrono::milliseconds(5);
  record.arrived_unix_ns = 1'700'000'000'123'456'789;
  record.method = "POST";
  record.path = "/v2/models/m/infer";
  record.peer = "127.0.0.1";
  record.status = status;
  return record;
}

class AccessLogTest : public ::testing::Test {
 public:
  AccessLogTest() : folder_(std::filesystem::temp_directory_path() / UniqueName()) {
    std::filesystem::create_directories(folder_);
  }
  ~AccessLogTest() override { std::filesystem::remove_all(folder_); }

 protected:
  static std::string UniqueName() {
    return "access-log-" + std::to_string(getpid()) + "-" +
           ::testing::UnitTest::GetInstance()->current_test_info()->name();
  }
  std::string Path(const std::string& name = "access.log") const { return folder_ / name; }
  static std::vector<Json> Lines(const std::string& path) {
    std::vector<Json> lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) lines.push_back(Json::parse(line));
    return lines;
  }

  const std::filesystem::path folder_;
};

TEST_F(AccessLogTest, ALineSaysWhatTheTradeAsks) {
  RequestRecord record = Answered(200);
  record.service = "default/m";
  record.revision = "3";
  record.key = "ci";
  record.bytes_in = 10;
  record.bytes_out = 20;
  record.inferences = 1;
  record.queue = std::chrono::microseconds(7);
  record.compute = std::chrono::microseconds(9);
  std::string line;
  WriteAccessLine(record, line);
  ASSERT_TRUE(line.ends_with("}\n"));
  const Json json = Json::parse(line);
  EXPECT_EQ(json["time"], "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(json["status"], 200);
  EXPECT_EQ(json["service"], "default/m");
  EXPECT_EQ(json["revision"], "3");
  EXPECT_EQ(json["key"], "ci");
  EXPECT_EQ(json["bytes_in"], 10);
  EXPECT_EQ(json["bytes_out"], 20);
  EXPECT_EQ(json["duration_us"], 5000);
  EXPECT_EQ(json["queue_us"], 7);
  EXPECT_EQ(json["compute_us"], 9);
  EXPECT_EQ(json["trace_id"].get<std::string>().size(), 32u);
  EXPECT_FALSE(json.contains("grpc_status"));
}

TEST_F(AccessLogTest, WhatClientsWriteStaysOneStringOfOneLine) {
  RequestRecord record = Answered(404);
  record.path = "/\"},{\n\x01\xff\x7f";
  std::string line;
  WriteAccessLine(record, line);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_EQ(Json::parse(line)["path"], "/\"},{\n\x01\xef\xbf\xbd\x7f");
}

TEST_F(AccessLogTest, ASampleOfWhatGoesWellAndAllThatFails) {
  {
    auto log = AccessLog::Open({.file = Path(), .rate = 0.25}, 1);
    ASSERT_TRUE(log.has_value()) << log.error().ToString();
    (*log)->Write(Answered(200), 0);
    (*log)->Write(Answered(201), (uint64_t{1} << 62) - 1);
    (*log)->Write(Answered(202), uint64_t{1} << 62);
    (*log)->Write(Answered(203), UINT64_MAX);
    (*log)->Write(Answered(500), UINT64_MAX);
    (*log)->Write(Answered(0), UINT64_MAX);
  }
  std::vector<int> seen;
  for (const Json& line : Lines(Path())) seen.push_back(line["status"]);
  EXPECT_THAT(seen, ::testing::ElementsAre(200, 201, 500, 0));
}

TEST_F(AccessLogTest, ErrorsCanBeSampledToo) {
  {
    auto log = AccessLog::Open({.file = Path(), .rate = 0, .samples_errors = true}, 1);
    ASSERT_TRUE(log.has_value());
    (*log)->Write(Answered(500), 0);
  }
  EXPECT_TRUE(Lines(Path()).empty());
}

TEST_F(AccessLogTest, AFileThatWasMovedIsOpenedAnew) {
  {
    auto log = AccessLog::Open({.file = Path()}, 1);
    ASSERT_TRUE(log.has_value());
    (*log)->Write(Answered(200), 0);
    while (Lines(Path()).empty()) std::this_thread::yield();
    std::filesystem::rename(Path(), Path("old"));
    (*log)->Write(Answered(201), 0);
    while (Lines(Path("old")).size() < 2) std::this_thread::yield();
    (*log)->Reopen();
    (*log)->Write(Answered(202), 0);
  }
  EXPECT_EQ(Lines(Path("old")).size(), 2u) << "until it is told, the log stays where it is";
  ASSERT_EQ(Lines(Path()).size(), 1u);
  EXPECT_EQ(Lines(Path())[0]["status"], 202);
}

TEST_F(AccessLogTest, AFullDiskCostsLinesThatAreCounted) {
  auto log = AccessLog::Open({.file = "/dev/full"}, 1);
  ASSERT_TRUE(log.has_value());
  (*log)->Write(Answered(200), 0);
  (*log)->Write(Answered(200), 0);
  while (MetricsText().find("slipway_access_log_dropped_total 2") == std::string::npos) {
    std::this_thread::yield();
  }
  EXPECT_THAT(MetricsText(), HasSubstr("slipway_access_log_lines_total 0"));
}

TEST_F(AccessLogTest, AFileThatCannotBeOpenedIsAnError) {
  const auto log = AccessLog::Open({.file = Path("no/such/folder")}, 1);
  ASSERT_TRUE(log.has_error());
  EXPECT_EQ(log.error().reason(), "ACCESS_LOG");
  EXPECT_EQ(CheckAccessLog(Path("no/such/folder")).error().reason(), "ACCESS_LOG");
  EXPECT_TRUE(CheckAccessLog("-").has_value());
}

}  // namespace
}  // namespace slipway::gateway
