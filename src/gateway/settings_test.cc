#include "gateway/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log_level.h"

namespace slipway::gateway {
namespace {

using ::testing::HasSubstr;

class LogSettingsTest : public ::testing::Test {
 public:
  ~LogSettingsTest() override { SetLogLevel(before_); }

 protected:
  std::string Set(std::string_view text) {
    const Result<void> set = settings_.Set(ParseJson(text).value());
    return set.has_value() ? "" : set.error().message();
  }

  const LogLevel before_ = CurrentLogLevel();
  LogSettings settings_;
};

TEST_F(LogSettingsTest, MoveTheLevelOfTheLog) {
  SetLogLevel(LogLevel::kInfo);
  EXPECT_EQ(DumpJson(settings_.Get()),
            R"({"log_file":"","log_info":true,"log_warning":true,"log_error":true,)"
            R"("log_verbose_level":0,"log_format":"default"})");
  EXPECT_EQ(Set(R"({"log_verbose_level":3})"), "");
  EXPECT_EQ(CurrentLogLevel(), LogLevel::kDebug);
  EXPECT_EQ(settings_.Get()["log_verbose_level"], 3);
  EXPECT_EQ(Set(R"({"log_verbose_level":0,"log_info":false})"), "");
  EXPECT_EQ(CurrentLogLevel(), LogLevel::kWarning);
  EXPECT_EQ(Set(R"({"log_warning":false,"log_format":"ISO8601"})"), "");
  EXPECT_EQ(CurrentLogLevel(), LogLevel::kError);
  EXPECT_EQ(settings_.Get()["log_format"], "ISO8601");
  EXPECT_EQ(Set(R"({"log_warning":true,"log_info":true})"), "");
  EXPECT_EQ(CurrentLogLevel(), LogLevel::kInfo);
}

TEST_F(LogSettingsTest, RefuseWhatHasNoEffectAndChangeNothingThen) {
  SetLogLevel(LogLevel::kInfo);
  EXPECT_THAT(Set(R"({"log_verbose_level":1,"log_error":false})"), HasSubstr("always written"));
  EXPECT_THAT(Set(R"({"log_warning":false})"), HasSubstr("log_info is off, too"));
  EXPECT_THAT(Set(R"({"log_verbose_level":1,"log_info":false})"), HasSubstr("are on"));
  EXPECT_THAT(Set(R"({"log_verbose_level":-1})"), HasSubstr("not negative"));
  EXPECT_THAT(Set(R"({"log_verbose_level":4294967296})"), HasSubstr("not negative"));
  EXPECT_THAT(Set(R"({"log_info":1})"), HasSubstr("true or false"));
  EXPECT_THAT(Set(R"({"log_file":"x"})"), HasSubstr("cannot be changed"));
  EXPECT_THAT(Set(R"({"log_format":"json"})"), HasSubstr("'ISO8601'"));
  EXPECT_THAT(Set(R"({"log_colour":true})"), HasSubstr("no such setting"));
  EXPECT_EQ(CurrentLogLevel(), LogLevel::kInfo);
}

std::string SetTrace(TraceSettings& settings, const std::string& model, std::string_view text) {
  const Result<void> set = settings.Set(model, ParseJson(text).value());
  return set.has_value() ? std::string() : std::string(set.error().reason());
}

TEST(TraceSettings, ThoseOfAModelStandAboveTheGlobalOnes) {
  TraceSettings settings;
  EXPECT_EQ(DumpJson(settings.Get("m")),
            R"({"trace_file":"","trace_level":["OFF"],"trace_rate":"1000","trace_count":"-1",)"
            R"("log_frequency":"0","trace_mode":"triton"})");
  EXPECT_EQ(SetTrace(settings, "", R"({"trace_rate":"5","trace_level":["OFF"]})"), "");
  EXPECT_EQ(SetTrace(settings, "m", R"({"trace_rate":["7"],"trace_count":"9"})"), "");
  EXPECT_EQ(settings.Get("")["trace_rate"], "5");
  EXPECT_EQ(settings.Get("m")["trace_rate"], "7");
  EXPECT_EQ(settings.Get("other")["trace_rate"], "5");
  EXPECT_EQ(SetTrace(settings, "m", R"({"trace_rate":null})"), "");
  EXPECT_EQ(settings.Get("m")["trace_rate"], "5");
  EXPECT_EQ(SetTrace(settings, "", R"({"trace_rate":[]})"), "");
  EXPECT_EQ(settings.Get("m")["trace_rate"], "1000");
  EXPECT_EQ(settings.Get("m")["trace_count"], "9");
}

TEST(TraceSettings, RefuseWhatCannotBe) {
  TraceSettings settings;
  EXPECT_EQ(SetTrace(settings, "", R"({"trace_level":["TIMESTAMPS"]})"), "TRACE_UNSUPPORTED");
  EXPECT_EQ(SetTrace(settings, "", R"({"trace_level":"ALL"})"), "TRACE_SETTING");
  EXPECT_EQ(SetTrace(settings, "", R"({"trace_rate":"0"})"), "TRACE_SETTING");
  EXPECT_EQ(SetTrace(settings, "", R"({"trace_rate":5})"), "TRACE_SETTING");
  EXPECT_EQ(SetTrace(settings, "", R"({"trace_count":"-2"})"), "TRACE_SETTING");
  EXPECT_EQ(SetTrace(settings, "", R"({"log_frequency":"x"})"), "TRACE_SETTING");
  EXPECT_EQ(SetTrace(settings, "", R"({"trace_file":"/tmp/x"})"), "TRACE_SETTING");
  EXPECT_EQ(SetTrace(settings, "", R"({"nope":null})"), "TRACE_SETTING");
  EXPECT_EQ(SetTrace(settings, "", R"({"trace_rate":"2","trace_count":"x"})"), "TRACE_SETTING");
  EXPECT_EQ(settings.Get("")["trace_rate"], "1000");
}

}  // namespace
}  // namespace slipway::gateway
