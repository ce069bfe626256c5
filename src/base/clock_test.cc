#include "base/clock.h"

#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"

namespace slipway {
namespace {

int64_t ParseMs(std::string_view text) {
  const auto time = ParseRfc3339(text);
  EXPECT_THAT(time, IsOk()) << text;
  return time ? time->time_since_epoch().count() : -1;
}

TEST(ClockTest, FormatsInUtcWithMilliseconds) {
  const auto format = [](int64_t ms) {
    return FormatRfc3339(WallTime(std::chrono::milliseconds(ms)));
  };
  EXPECT_EQ(format(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format(1'763'805'600'123), "2025-11-22T10:00:00.123Z");
  EXPECT_EQ(format(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format(951'782'400'000), "2000-02-29T00:00:00.000Z");
}

TEST(ClockTest, FormatsNothingBeyondFourDigitsOfAYear) {
  EXPECT_EQ(FormatRfc3339(WallTime::max()), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(FormatRfc3339(WallTime::min()), "0000-01-01T00:00:00.000Z");
}

// The examples of RFC 3339 section 5.8, and the corners of its grammar.
TEST(ClockTest, ParsesWhatTheRfcAllows) {
  EXPECT_EQ(ParseMs("1985-04-12T23:20:50.52Z"), 482'196'050'520);
  EXPECT_EQ(ParseMs("1996-12-19T16:39:57-08:00"), 851'042'397'000);
  EXPECT_EQ(ParseMs("1990-12-31T23:59:60Z"), 662'688'000'000);
  EXPECT_EQ(ParseMs("1937-01-01T12:00:27.87+00:20"), -1'041'337'172'130);
  EXPECT_EQ(ParseMs("1970-01-01t00:00:00z"), 0);
  EXPECT_EQ(ParseMs("1970-01-01 00:00:00Z"), 0);
  EXPECT_EQ(ParseMs("1970-01-01T00:00:00.9Z"), 900);
  EXPECT_EQ(ParseMs("1970-01-01T00:00:00.123456789123456789Z"), 123);
  EXPECT_EQ(ParseMs("1970-01-01T00:00:00-00:00"), 0);
}

TEST(ClockTest, ParsesWhatItFormats) {
  for (int64_t ms = -62'000'000'000'000; ms < 250'000'000'000'000; ms += 7'654'321'098'765) {
    const WallTime time{std::chrono::milliseconds(ms)};
    EXPECT_EQ(ParseMs(FormatRfc3339(time)), ms);
  }
}

TEST(ClockTest, RefusesEverythingElse) {
  for (const char* text : {"",
                           "2026",
                           "2026-11-22",
                           "2026-11-22T10:00:00",
                           "2026-11-22T10:00Z",
                           "2026-11-22T10:00:00.Z",
                           "2026-11-22T10:00:00Z ",
                           " 2026-11-22T10:00:00Z",
                           "2026-13-22T10:00:00Z",
                           "2026-00-22T10:00:00Z",
                           "2026-11-31T10:00:00Z",
                           "2025-02-29T10:00:00Z",
                           "2026-11-22T24:00:00Z",
                           "2026-11-22T10:60:00Z",
                           "2026-11-22T10:00:61Z",
                           "2026-11-22T10:00:00+24:00",
                           "2026-11-22T10:00:00+10:60",
                           "2026-11-22T10:00:00+1000",
                           "2026-11-22T10:00:00+",
                           "+026-11-22T10:00:00Z",
                           "26-11-22T10:00:00Z",
                           "2026-1-22T10:00:00Z",
                           "2026-11-22T10:00:00,5Z",
                           "2026/11/22T10:00:00Z"}) {
    EXPECT_THAT(ParseRfc3339(text), IsError(Code::kInvalidArgument, "TIME_INVALID")) << text;
  }
}

TEST(ClockTest, FakeClockMovesWhenToldTo) {
  FakeClock clock;
  const WallTime wall = clock.Wall();
  const SteadyTime steady = clock.Steady();
  clock.Advance(std::chrono::milliseconds(5));
  clock.JumpWall(std::chrono::hours(-1));
  EXPECT_EQ(clock.Steady() - steady, std::chrono::milliseconds(5));
  EXPECT_EQ(clock.Wall() - wall, std::chrono::milliseconds(5) - std::chrono::hours(1));
}

}  // namespace
}  // namespace slipway
