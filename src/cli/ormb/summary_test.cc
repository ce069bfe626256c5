#include "cli/ormb/summary.h"

#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"

namespace slipway::cli::ormb {
namespace {

TEST(OrmbSize, CountsBy1024) {
  EXPECT_EQ(BinarySize(0), "0B");
  EXPECT_EQ(BinarySize(905), "905B");
  EXPECT_EQ(BinarySize(1023), "1023B");
  EXPECT_EQ(BinarySize(1024), "1.0KB");
  EXPECT_EQ(BinarySize(19'558), "19.1KB");
  EXPECT_EQ(BinarySize((1 << 20) - 1), "1024.0KB");
  EXPECT_EQ(BinarySize(uint64_t{5} << 30), "5.0GB");
  EXPECT_EQ(BinarySize(uint64_t{3} << 60), "3.0EB");
}

TEST(OrmbDuration, IsInDockersWords) {
  using std::chrono::hours;
  using std::chrono::minutes;
  using std::chrono::seconds;
  EXPECT_EQ(HumanDuration(seconds(0)), "Less than a second");
  EXPECT_EQ(HumanDuration(seconds(-5)), "Less than a second");
  EXPECT_EQ(HumanDuration(seconds(1)), "1 second");
  EXPECT_EQ(HumanDuration(seconds(59)), "59 seconds");
  EXPECT_EQ(HumanDuration(seconds(60)), "About a minute");
  EXPECT_EQ(HumanDuration(minutes(23)), "23 minutes");
  EXPECT_EQ(HumanDuration(minutes(61)), "About an hour");
  EXPECT_EQ(HumanDuration(hours(47)), "47 hours");
  EXPECT_EQ(HumanDuration(hours(48)), "2 days");
  EXPECT_EQ(HumanDuration(hours(24 * 15)), "2 weeks");
  EXPECT_EQ(HumanDuration(hours(24 * 61)), "2 months");
  EXPECT_EQ(HumanDuration(hours(24 * 800)), "2 years");
}

TEST(OrmbReferenceTest, IsTakenAsItIsWritten) {
  const auto short_one = OrmbReference::ParseExpanded("gaocegege/fashion_model:v1");
  ASSERT_THAT(short_one, IsOk());
  EXPECT_EQ(short_one->full(), "gaocegege/fashion_model/fashion_model:v1");
  EXPECT_EQ(short_one->host, "gaocegege");
  EXPECT_EQ(short_one->repository(), "gaocegege/fashion_model/fashion_model");
  EXPECT_EQ(OrmbReference::Parse("gaocegege/fashion_model:v1")->full(),
            "gaocegege/fashion_model:v1");
  // Only with a tag, and only of two parts.
  EXPECT_EQ(OrmbReference::ParseExpanded("host:5000/name")->full(), "host:5000/name");
  EXPECT_EQ(OrmbReference::ParseExpanded("host:5000/a/b:v1")->full(), "host:5000/a/b:v1");
  EXPECT_EQ(OrmbReference::ParseExpanded("name:v1")->full(), "name:v1");
  const std::string digest = "@sha256:" + std::string(64, 'a');
  EXPECT_EQ(OrmbReference::ParseExpanded("host/name:v1" + digest)->full(), "host/name/name:v1");
}

TEST(OrmbReferenceTest, WhatIsWrongIsRefused) {
  for (const char* text : {"", ":v1", "/name:v1", "host/:v1", "host/Name:v1", "host/name:-v",
                           "host/name:", "ho st/n:v", "host:port/n:v1", "host:/n:v1", "-host/n:v1",
                           "host/n@sha256:ab", "host//n:v1"}) {
    EXPECT_THAT(OrmbReference::Parse(text), IsError(Code::kInvalidArgument, "REFERENCE_INVALID"))
        << text;
  }
}

}  // namespace
}  // namespace slipway::cli::ormb
