#include "base/json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace slipway {
namespace {

void ExpectError(std::string_view text, std::string_view reason, std::string_view byte,
                 const JsonLimits& limits = {}) {
  Result<Json> json = ParseJson(text, limits);
  ASSERT_FALSE(json.has_value()) << text;
  EXPECT_EQ(json.error().code(), Code::kInvalidArgument) << text;
  EXPECT_EQ(json.error().reason(), reason) << text << ": " << json.error().ToString();
  EXPECT_EQ(json.error().detail("byte"), byte) << text << ": " << json.error().ToString();
}

TEST(Json, KeepsOrderAndValues) {
  std::string_view text =
      R"({"b":1,"a":[true,null,-2,1.5,"x\u00e4\"",18446744073709551615],"":{}})";
  Result<Json> json = ParseJson(text);
  ASSERT_TRUE(json.has_value()) << json.error().ToString();
  EXPECT_EQ(DumpJson(*json),
            "{\"b\":1,\"a\":[true,null,-2,1.5,\"x\xc3\xa4\\\"\",18446744073709551615],\"\":{}}");
  EXPECT_EQ(json->find("b")->get<int>(), 1);
}

TEST(Json, SyntaxErrorsNameTheByte) {
  ExpectError("", "JSON_SYNTAX", "1");
  ExpectError("{", "JSON_SYNTAX", "2");
  ExpectError(R"({"a":1)", "JSON_SYNTAX", "7");
  ExpectError(R"({"a":1} x)", "JSON_SYNTAX", "9");
  ExpectError(R"({"a":1}{})", "JSON_SYNTAX", "8");
  ExpectError("[1,]", "JSON_SYNTAX", "4");
  ExpectError("// comment\n1", "JSON_SYNTAX", "1");
  ExpectError("NaN", "JSON_SYNTAX", "1");
  ExpectError("[1e999]", "JSON_SYNTAX", "7");
  ExpectError("[\"\\ud800\"]", "JSON_SYNTAX", "9");
}

TEST(Json, ANulByteDoesNotEndTheText) {
  ExpectError(std::string_view("{}\0x", 4), "JSON_SYNTAX", "3");
  ExpectError(std::string_view("{}\0", 3), "JSON_SYNTAX", "3");
}

TEST(Json, InvalidUtf8IsRefused) {
  ExpectError("\"a\xff\"", "JSON_SYNTAX", "3");
  ExpectError("\"\xc0\x80\"", "JSON_SYNTAX", "2");
  ExpectError("\"\xed\xa0\x80\"", "JSON_SYNTAX", "2");
  ExpectError("\"\xf4\x90\x80\x80\"", "JSON_SYNTAX", "2");
  ExpectError("\"\xe2\x82\"", "JSON_SYNTAX", "2");
  EXPECT_TRUE(ParseJson("\"\xf0\x9f\x98\x80\xe2\x82\xac\"").has_value());
}

TEST(Json, DuplicateKeysAreRefused) {
  ExpectError(R"({"a":1,"a":2})", "JSON_DUPLICATE_KEY", "10");
  ExpectError(R"([{"x":{"k":1,"j":2,"k":3}}])", "JSON_DUPLICATE_KEY", "22");
  EXPECT_TRUE(ParseJson(R"([{"a":1},{"a":1}])").has_value());
}

TEST(Json, LimitsAreKept) {
  ExpectError("[[[[1]]]]", "JSON_TOO_DEEP", "4", {.max_depth = 3});
  EXPECT_TRUE(ParseJson("[[[1]]]", {.max_depth = 3}).has_value());
  ExpectError("[1,2,3]", "JSON_TOO_LARGE", "7", {.max_values = 3});
  ExpectError(R"({"a":1,"b":2})", "JSON_TOO_LARGE", "10", {.max_keys_per_object = 1});
  ExpectError("[1, 2]", "JSON_TOO_LARGE", "5", {.max_bytes = 5});
}

TEST(Json, TenMegabytesOfNestingEndAtTheDepthLimit) {
  ExpectError(std::string(10 << 20, '['), "JSON_TOO_DEEP", "65", {.max_bytes = 16 << 20});
}

TEST(Json, ManyKeysAreNotQuadratic) {
  std::string text = "{";
  for (int i = 0; i < 100'000; ++i) text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":0";
  text += "}";
  Result<Json> json = ParseJson(text, {.max_keys_per_object = 200'000});
  ASSERT_TRUE(json.has_value());
  EXPECT_EQ(json->size(), 100'000u);
}

TEST(Json, DumpReplacesInvalidBytes) {
  EXPECT_EQ(DumpJson(Json("a\xff")), "\"a\xef\xbf\xbd\"");
  EXPECT_EQ(DumpJsonPretty(Json{{"a", 1}}), "{\n  \"a\": 1\n}");
}

}  // namespace
}  // namespace slipway
