#include "base/format_check.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

void ExpectRight(std::string_view format, std::initializer_list<std::string> values) {
  for (const std::string& value : values) {
    EXPECT_EQ(FormatProblem(format, value), std::nullopt) << format << " " << value;
  }
}
void ExpectWrong(std::string_view format, std::initializer_list<std::string> values) {
  for (const std::string& value : values) {
    EXPECT_NE(FormatProblem(format, value), std::nullopt) << format << " " << value;
  }
}

TEST(FormatCheck, Names) {
  ExpectRight("name", {"a", "fraud", "a.b_c-d", "0", std::string(63, 'x')});
  ExpectWrong("name", {"", "A", "-a", "a-", ".a", "a/b", "a b", "ä", std::string(64, 'x')});
  ExpectRight("uid", {"0123456789abcdef0123456789abcdef"});
  ExpectWrong("uid", {"", "0123456789ABCDEF0123456789abcdef", "0123456789abcdef0123456789abcde"});
}

TEST(FormatCheck, Labels) {
  ExpectRight("label-key", {"a", "slipway/service", "team.example.com/x_Y.z", "A"});
  ExpectWrong("label-key",
              {"", "/a", "a/", "a/b/c", "A/b", "x..y/a", "-x/a", std::string(64, 'x')});
  ExpectRight("label-value", {"", "a", "1.2.3", "A_b-c"});
  ExpectWrong("label-value", {"-", "a b", "a/", std::string(64, 'x')});
}

TEST(FormatCheck, ReferencesAndPaths) {
  std::string digest = "sha256:" + std::string(64, 'a');
  ExpectRight("digest", {digest, "sha512:" + std::string(128, '0')});
  ExpectWrong("digest", {"", "sha256:", digest + "0", "md5:" + std::string(32, 'a'),
                         "sha256:" + std::string(64, 'A')});
  ExpectRight("reference", {"magika:v1", "p/a:v1", "a@" + digest, "p/a:v1@" + digest,
                            "host.example:5000/a/b:x", "localhost/a:x", "127.0.0.1:80/p/a:V_1"});
  ExpectWrong("reference", {"", "magika", ":v1", "a:", "A:v1", "a:v 1", "a@sha256:12", "a//b:x",
                            "a:" + std::string(129, 'x'), "p/a:-x"});
  ExpectRight("repository", {"a", "p/a", "p/a-b/c__d", "a--b"});
  ExpectWrong("repository", {"", "/a", "a/", "A", "a..b", "a___b", "-a", std::string(256, 'a')});
  ExpectRight("file-path", {"model.onnx", "a/b/c", "..a"});
  ExpectWrong("file-path", {"", "/a", "a/../b", "a//b", "./a", "a/", std::string("a\0b", 3)});
}

TEST(FormatCheck, TimesAndDurations) {
  ExpectRight("date-time", {"2026-11-22T10:00:00Z", "2026-11-22T10:00:00.5+02:00"});
  ExpectWrong("date-time", {"", "2026-11-22", "2026-13-22T10:00:00Z"});
  EXPECT_EQ(*ParseDuration("90s"), milliseconds(90'000));
  EXPECT_EQ(*ParseDuration("1h30m"), minutes(90));
  EXPECT_EQ(*ParseDuration("500ms"), milliseconds(500));
  EXPECT_EQ(*ParseDuration("3650d"), hours(24 * 3650));
  for (std::string_view wrong :
       {"", "10", "s", "1x", "1h-5m", "-1s", "1.5h", "3651d", "99999999999999999999s",
        "9223372036854775807ms", "3650d1ms", "1 s"}) {
    Result<milliseconds> duration = ParseDuration(wrong);
    ASSERT_FALSE(duration.has_value()) << wrong;
    EXPECT_EQ(duration.error().reason(), "DURATION_INVALID") << wrong;
  }
}

TEST(FormatCheck, ErrorsNameTheField) {
  Result<void> wrong = CheckFormat("uid", "x", "metadata.uid");
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().reason(), "FIELD_FORMAT");
  EXPECT_EQ(wrong.error().detail("field"), "metadata.uid");
  EXPECT_EQ(wrong.error().message(), "metadata.uid: a uid is 32 lower-case hex digits, got \"x\"");
}

TEST(FormatCheck, QuotedIsSafeAndShort) {
  EXPECT_EQ(Quoted("a\"b\\\n"), R"("a\"b\\\x0a")");
  EXPECT_EQ(Quoted(std::string(65, 'x')), "\"" + std::string(64, 'x') + "...\"");
  EXPECT_EQ(Quoted(std::string(63, 'x') + "ää"), "\"" + std::string(63, 'x') + "...\"");
}

}  // namespace
}  // namespace slipway
