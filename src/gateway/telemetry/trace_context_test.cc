#include "gateway/telemetry/trace_context.h"

#include <gtest/gtest.h>

namespace slipway::gateway {
namespace {

constexpr const char* kHeader = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceContext, IsReadAndWritten) {
  const auto context = ParseTraceparent(kHeader);
  ASSERT_TRUE(context.has_value());
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(HexOf(context->trace_id), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(HexOf(context->span_id), "b7ad6b7169203331");
  EXPECT_EQ(FormatTraceparent(*context), kHeader);
  const auto unsampled =
      ParseTraceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fe");
  ASSERT_TRUE(unsampled.has_value());
  EXPECT_FALSE(unsampled->sampled);
  EXPECT_TRUE(FormatTraceparent(*unsampled).ends_with("-00"));
}

TEST(TraceContext, LaterVersionsMaySayMore) {
  const std::string id = "-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  EXPECT_TRUE(ParseTraceparent("cc" + id).has_value());
  EXPECT_TRUE(ParseTraceparent("cc" + id + "-what-comes").has_value());
  EXPECT_FALSE(ParseTraceparent("cc" + id + "what").has_value());
  EXPECT_FALSE(ParseTraceparent("00" + id + "-more").has_value());
  EXPECT_FALSE(ParseTraceparent("ff" + id).has_value());
}

TEST(TraceContext, WhatIsNoneIsIgnored) {
  const std::string good = kHeader;
  EXPECT_FALSE(ParseTraceparent("").has_value());
  EXPECT_FALSE(ParseTraceparent(good.substr(1)).has_value());
  EXPECT_FALSE(ParseTraceparent("00-00000000000000000000000000000000-b7ad6b7169203331-01"));
  EXPECT_FALSE(ParseTraceparent("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"));
  for (size_t at = 0; at < good.size(); ++at) {
    for (const char c : {'g', 'A', '\0', ' '}) {
      std::string bad = good;
      bad[at] = c;
      EXPECT_FALSE(ParseTraceparent(bad).has_value()) << bad;
    }
    EXPECT_FALSE(ParseTraceparent(good.substr(0, at)).has_value()) << at;
  }
}

}  // namespace
}  // namespace slipway::gateway
