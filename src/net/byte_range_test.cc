#include "net/byte_range.h"

#include <gtest/gtest.h>

namespace slipway::net {
namespace {

struct RangeCase {
  const char* header;
  uint64_t size;
  RangeVerdict verdict;
  uint64_t first;
  uint64_t last;
};

constexpr RangeVerdict kWhole = RangeVerdict::kWhole;
constexpr RangeVerdict kPartial = RangeVerdict::kPartial;
constexpr RangeVerdict kNot = RangeVerdict::kNotSatisfiable;

TEST(ByteRangeTest, Range) {
  const RangeCase cases[] = {
      {"bytes=500-1499", 2000, kPartial, 500, 1499},
      {"bytes=500-", 2000, kPartial, 500, 1999},
      {"bytes=-500", 2000, kPartial, 1500, 1999},
      {"bytes=-5000", 2000, kPartial, 0, 1999},
      {"bytes=0-99999", 2000, kPartial, 0, 1999},
      {"bytes=1999-1999", 2000, kPartial, 1999, 1999},
      {"bytes=0-18446744073709551615", 2000, kPartial, 0, 1999},
      {" bytes= 1-2 ", 2000, kPartial, 1, 2},
      {"bytes=500-0", 2000, kNot, 0, 0},
      {"bytes=2000-", 2000, kNot, 0, 0},
      {"bytes=-0", 2000, kNot, 0, 0},
      {"bytes=0-", 0, kNot, 0, 0},
      {"bytes=-1", 0, kNot, 0, 0},
      {"bytes=1-2,4-5", 2000, kWhole, 0, 0},
      {"bytes=", 2000, kWhole, 0, 0},
      {"bytes=-", 2000, kWhole, 0, 0},
      {"bytes=a-b", 2000, kWhole, 0, 0},
      {"bytes=1--2", 2000, kWhole, 0, 0},
      {"items=1-2", 2000, kWhole, 0, 0},
      {"", 2000, kWhole, 0, 0},
      {"bytes=99999999999999999999-", 2000, kNot, 0, 0},
      {"bytes=0-99999999999999999999", 2000, kPartial, 0, 1999},
      {"bytes=-99999999999999999999", 2000, kPartial, 0, 1999},
      {"Bytes=0-1", 2000, kPartial, 0, 1},
      {"BYTES=-1", 2000, kPartial, 1999, 1999},
      {"bytes", 2000, kWhole, 0, 0},
  };
  for (const RangeCase& c : cases) {
    const RangeAnswer answer = ParseRange(c.header, c.size);
    EXPECT_EQ(answer.verdict, c.verdict) << c.header;
    if (answer.verdict != kPartial) continue;
    EXPECT_EQ(answer.range.first, c.first) << c.header;
    EXPECT_EQ(answer.range.last, c.last) << c.header;
  }
}

TEST(ByteRangeTest, OnlyGetOfTheSameContentHasRanges) {
  const auto ask = [](Method method, std::string_view condition) {
    HttpRequest request;
    request.method = method;
    request.headers = {{"Range", "bytes=5-"}};
    if (!condition.empty()) request.headers.emplace_back("If-Range", condition);
    return RangeOf(request, "\"tag\"", 10).verdict;
  };
  EXPECT_EQ(ask(Method::kGet, ""), kPartial);
  EXPECT_EQ(ask(Method::kGet, "\"tag\""), kPartial);
  for (const char* other : {"\"other\"", "W/\"tag\"", "tag", "Sun, 06 Nov 1994 08:49:37 GMT"}) {
    EXPECT_EQ(ask(Method::kGet, other), kWhole) << other;
  }
  EXPECT_EQ(ask(Method::kPost, ""), kWhole);
  EXPECT_EQ(ask(Method::kHead, ""), kWhole);
  EXPECT_EQ(RangeOf(HttpRequest(), "\"tag\"", 10).verdict, kWhole);
}

TEST(ByteRangeTest, APartialAnswerSaysWhichPart) {
  HttpResponse response;
  SetPartial({.first = 5, .last = 9}, 10, response);
  EXPECT_EQ(response.status, 206);
  ASSERT_EQ(response.headers.size(), 1U);
  EXPECT_EQ(response.headers[0].first, "Content-Range");
  EXPECT_EQ(response.headers[0].second, "bytes 5-9/10");
}

TEST(ByteRangeTest, UploadRange) {
  const auto range = ParseUploadRange("10-19");
  ASSERT_TRUE(range.has_value());
  EXPECT_EQ(range->first, 10u);
  EXPECT_EQ(range->size_bytes(), 10u);
  EXPECT_TRUE(ParseUploadRange("bytes 0-0/5").has_value());
  for (const char* bad : {"", "5", "-5", "5-", "6-5", "a-b", "1-2-3", "0-18446744073709551615",
                          "18446744073709551616-18446744073709551617"}) {
    EXPECT_FALSE(ParseUploadRange(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace slipway::net
