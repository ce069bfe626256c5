#include "base/log.h"

#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/testing/temporary_folder.h"

namespace slipway {
namespace {

class LogTest : public testing::Test {
 protected:
  void TearDown() override { ASSERT_TRUE(SetLog({}).has_value()); }
  void Use(LogLevel level, bool json) {
    ASSERT_TRUE(SetLog({.level = level, .json = json, .file = path_}).has_value());
  }
  std::vector<std::string> Lines() const {
    std::ifstream file(path_);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  const TemporaryFolder folder_;
  const std::string path_ = folder_ / "log";
};

TEST_F(LogTest, TextQuotesOnlyWhatNeedsIt) {
  Use(LogLevel::kInfo, false);
  LogInfo("loaded revision",
          {{"name", "fraud"}, {"files", 3}, {"path", "a b\n\"c\""}, {"ok", true}});
  const std::vector<std::string> lines = Lines();
  ASSERT_EQ(lines.size(), 1U);
  // 2026-11-22T10:00:00.123Z
  EXPECT_EQ(lines[0].substr(10, 1), "T");
  EXPECT_EQ(lines[0].substr(24),
            " info loaded revision name=fraud files=3 path=\"a b\\n\\\"c\\\"\" ok=true");
}

TEST_F(LogTest, ControlCharactersCannotForgeALine) {
  Use(LogLevel::kInfo, false);
  LogInfo("seen", {{"agent", "x\r\nerror forged\x1b[2J"}});
  const std::vector<std::string> lines = Lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("agent=\"x\\x0d\\nerror forged\\x1b[2J\""), std::string::npos);
}

TEST_F(LogTest, JsonKeepsTypes) {
  Use(LogLevel::kInfo, true);
  LogWarning("slow fsync", {{"ms", 12}, {"ok", false}, {"file", "a\"b"}, {"number", "12"}});
  const std::vector<std::string> lines = Lines();
  ASSERT_EQ(lines.size(), 1U);
  const Json line = ParseJson(lines[0]).value();
  EXPECT_EQ(line["level"], "warning");
  EXPECT_EQ(line["message"], "slow fsync");
  EXPECT_EQ(line["ms"], 12);
  EXPECT_EQ(line["ok"], false);
  EXPECT_EQ(line["file"], "a\"b");
  EXPECT_EQ(line["number"], "12");
}

TEST_F(LogTest, LowerLevelsAreDropped) {
  Use(LogLevel::kWarning, false);
  LogDebug("no");
  LogInfo("no");
  LogWarning("yes");
  LogError("yes", {{"error", NotFound("THING_UNKNOWN", "no such thing")}});
  const std::vector<std::string> lines = Lines();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_NE(lines[1].find("error=\"NOT_FOUND THING_UNKNOWN: no such thing\""), std::string::npos);
}

TEST_F(LogTest, ThreadsKeepLinesWhole) {
  Use(LogLevel::kInfo, false);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int j = 0; j < 100; ++j) LogInfo("line", {{"number", j}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::vector<std::string> lines = Lines();
  EXPECT_EQ(lines.size(), 400U);
  for (const std::string& line : lines) EXPECT_EQ(line.substr(24, 18), " info line number=");
}

TEST_F(LogTest, FileThatCannotBeOpened) {
  const Result<void> set = SetLog({.file = testing::TempDir()});
  ASSERT_FALSE(set.has_value());
  EXPECT_EQ(set.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(set.error().reason(), "LOG_FILE");
}

}  // namespace
}  // namespace slipway
