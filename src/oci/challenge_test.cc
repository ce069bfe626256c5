#include "oci/challenge.h"

#include <gtest/gtest.h>

namespace slipway::oci {
namespace {

TEST(ChallengeTest, BearerWithParameters) {
  const auto challenges = ParseChallenges(
      R"(Bearer realm="https://auth.example/token",service="reg \"x\"", scope="a:b:pull,push")");
  ASSERT_EQ(challenges.size(), 1u);
  EXPECT_EQ(challenges[0].scheme, "bearer");
  EXPECT_EQ(challenges[0].parameters.at("realm"), "https://auth.example/token");
  EXPECT_EQ(challenges[0].parameters.at("service"), "reg \"x\"");
  EXPECT_EQ(challenges[0].parameters.at("scope"), "a:b:pull,push");
}

TEST(ChallengeTest, Several) {
  const auto challenges = ParseChallenges("Negotiate, Basic realm=x, Bearer Realm = \"y\"");
  ASSERT_EQ(challenges.size(), 3u);
  EXPECT_EQ(challenges[0].scheme, "negotiate");
  EXPECT_EQ(challenges[1].parameters.at("realm"), "x");
  EXPECT_EQ(challenges[2].parameters.at("realm"), "y");
}

TEST(ChallengeTest, WhatCannotBeReadEndsTheList) {
  EXPECT_TRUE(ParseChallenges("").empty());
  EXPECT_TRUE(ParseChallenges("=x").empty());
  EXPECT_EQ(ParseChallenges("Basic realm=\"never closed").size(), 1u);
  EXPECT_EQ(ParseChallenges("Basic realm=\"x\\").size(), 1u);
  EXPECT_EQ(ParseChallenges("Basic @@").size(), 1u);
}

TEST(ChallengeTest, SplitUrl) {
  const auto parts = SplitUrl("https://host.example:444/a/b?c=d");
  ASSERT_TRUE(parts.has_value());
  EXPECT_EQ(parts->origin, "https://host.example:444");
  EXPECT_EQ(parts->host, "host.example");
  EXPECT_EQ(parts->rest, "/a/b?c=d");
  EXPECT_EQ(SplitUrl("http://[::1]:80")->host, "[::1]");
  EXPECT_EQ(SplitUrl("http://h?x")->rest, "/?x");
  for (const char* same : {"https://h.example/", "https://H.Example", "https://h.example:443/x"}) {
    EXPECT_EQ(SplitUrl(same)->origin, "https://h.example") << same;
  }
  EXPECT_EQ(SplitUrl("http://[::1]:80/x")->origin, "http://[::1]");
  EXPECT_EQ(SplitUrl("http://h:443")->origin, "http://h:443");
  EXPECT_EQ(SplitUrl("https://h:1443")->origin, "https://h:1443");
  for (const char* bad : {"", "h", "ftp://h/", "http://", "https:///x", "http://u@h/"}) {
    const auto refused = SplitUrl(bad);
    ASSERT_FALSE(refused.has_value()) << bad;
    EXPECT_EQ(refused.error().reason(), "URL_MALFORMED");
  }
}

}  // namespace
}  // namespace slipway::oci
