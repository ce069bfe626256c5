#include "cli/text.h"

#include <gtest/gtest.h>

namespace slipway::cli {
namespace {

TEST(Printable, ReplacesWhatSteersATerminal) {
  EXPECT_EQ(Printable("plain, ünïcode, 模型 🙂"), "plain, ünïcode, 模型 🙂");
  EXPECT_EQ(Printable("\x1b[2Jred"), "?[2Jred");
  EXPECT_EQ(Printable("a\nb\tc\r"), "a?b?c?");
  EXPECT_EQ(Printable("a\nb\tc\r", /*keep_lines=*/true), "a\nb\tc?");
  EXPECT_EQ(Printable("\x7f\xc2\x9b"), "??");
  EXPECT_EQ(Printable("user\u202Egpj.exe"), "user?gpj.exe");
}

TEST(Printable, ReplacesEachByteThatIsNoUtf8) {
  EXPECT_EQ(Printable("\xff\xfe"), "??");
  EXPECT_EQ(Printable("a\xc3"), "a?");
  EXPECT_EQ(Printable("\xed\xa0\x80z"), "???z");
}

TEST(FormatBytes, UsesPowersOfAThousand) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(1000), "1.0 kB");
  EXPECT_EQ(FormatBytes(999'949), "999.9 kB");
  EXPECT_EQ(FormatBytes(999'950), "1.0 MB");
  EXPECT_EQ(FormatBytes(UINT64_MAX), "18.4 EB");
}

TEST(FormatAge, CountsInTheLargestUsefulUnit) {
  FakeClock clock;
  std::string now = FormatRfc3339(clock.Wall());
  EXPECT_EQ(FormatAge(now, clock), "0s");
  clock.Advance(std::chrono::seconds(119));
  EXPECT_EQ(FormatAge(now, clock), "119s");
  clock.Advance(std::chrono::seconds(1));
  EXPECT_EQ(FormatAge(now, clock), "2m");
  clock.Advance(std::chrono::hours(47));
  EXPECT_EQ(FormatAge(now, clock), "47h");
  clock.Advance(std::chrono::hours(1));
  EXPECT_EQ(FormatAge(now, clock), "2d");
  clock.JumpWall(-std::chrono::hours(100));
  EXPECT_EQ(FormatAge(now, clock), "0s");
  EXPECT_EQ(FormatAge("yesterday", clock), "-");
}

TEST(ShortDigest, KeepsTwelveDigits) {
  EXPECT_EQ(ShortDigest("sha256:0123456789abcdef"), "sha256:0123456789ab");
  EXPECT_EQ(ShortDigest("v1"), "v1");
}

TEST(At, AnswersTheFallbackForAnythingElse) {
  Json json = {{"a", {{"n", 3}, {"t", "x"}, {"empty", ""}, {"list", {1, 2}}}}};
  EXPECT_EQ(NumberAt(json, "/a/n"), 3);
  EXPECT_EQ(NumberAt(json, "/a/t", -1), -1);
  EXPECT_EQ(TextAt(json, "/a/t"), "x");
  EXPECT_EQ(TextAt(json, "/a/n", "?"), "?");
  EXPECT_EQ(TextAt(json, "/a/empty", "?"), "?");
  EXPECT_EQ(TextAt(json, "/a/t/deeper", "?"), "?");
  EXPECT_EQ(TextAt(json, "/a/list/7", "?"), "?");
  EXPECT_TRUE(At(Json("text"), "/a").is_null());
}

}  // namespace
}  // namespace slipway::cli
