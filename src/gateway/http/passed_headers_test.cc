#include "gateway/http/passed_headers.h"

#include <gtest/gtest.h>

namespace slipway::gateway::http {
namespace {

using Pair = std::pair<std::string, std::string>;

TEST(PassedTarget, BeginsBehindTheService) {
  net::HttpRequest request;
  request.path = "/services/a%20b/x//y%2Fz/";
  request.query = "q=%2f&r";
  EXPECT_EQ(TargetOf(request, 2).prefix, "/services/a%20b");
  EXPECT_EQ(TargetOf(request, 2).target, "/x//y%2Fz/?q=%2f&r");
  request.path = "/p/one/services/two";
  request.query = "";
  EXPECT_EQ(TargetOf(request, 4).prefix, "/p/one/services/two");
  EXPECT_EQ(TargetOf(request, 4).target, "/");
  request.path = "/p/one/services/two/";
  EXPECT_EQ(TargetOf(request, 4).target, "/");
}

TEST(PassedHeaders, ThoseOfTheConnectionStay) {
  net::HttpRequest request;
  request.peer = "10.0.0.7";
  request.context.request_id = "r-1";
  request.headers = {{"Host", "models.example"},
                     {"connection", "keep-alive, X-Hop"},
                     {"X-Hop", "1"},
                     {"Transfer-Encoding", "chunked"},
                     {"Content-Type", "image/png"},
                     {"Cookie", "a=b"},
                     {"Cookie", "c=d"},
                     {"Authorization", "Bearer key"},
                     {"X-Forwarded-For", "192.0.2.1"},
                     {"X-Forwarded-Prefix", "/made-up"},
                     {"Traceparent", "the client's"}};
  const std::vector<Pair> same = {{"Host", "models.example"},
                                  {"Content-Type", "image/png"},
                                  {"Cookie", "a=b"},
                                  {"Cookie", "c=d"}};
  std::vector<Pair> expected = same;
  expected.emplace_back("X-Forwarded-For", "192.0.2.1, 10.0.0.7");
  expected.emplace_back("X-Forwarded-Prefix", "/services/a");
  expected.emplace_back("X-Request-Id", "r-1");
  expected.emplace_back("traceparent", "ours");
  EXPECT_EQ(
      RequestHeaders(request, {.prefix = "/services/a", .traceparent = "ours", .has_key = true}),
      expected);
  expected = same;
  expected.emplace_back("Authorization", "Bearer key");
  expected.emplace_back("Traceparent", "the client's");
  expected.emplace_back("X-Forwarded-For", "192.0.2.1, 10.0.0.7");
  expected.emplace_back("X-Forwarded-Prefix", "/services/a");
  expected.emplace_back("X-Request-Id", "r-1");
  EXPECT_EQ(RequestHeaders(request, {.prefix = "/services/a"}), expected);
}

TEST(PassedAnswer, HasItsHeadersAndLength) {
  const std::vector<std::string> words = {"418",  "Content-Length", "12",         "Date",
                                          "then", "Connection",     "close",      "Set-Cookie",
                                          "a=b",  "Set-Cookie",     "c=d; Path=/"};
  const Result<PassedAnswer> answer = ReadAnswer(words);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 418);
  EXPECT_EQ(answer->length, 12);
  EXPECT_EQ(answer->headers, (Headers{{"Set-Cookie", "a=b"}, {"Set-Cookie", "c=d; Path=/"}}));
}

TEST(PassedAnswer, WhatIsNoneIsRefused) {
  const std::vector<std::vector<std::string>> wrong = {{},
                                                       {"200", "Name"},
                                                       {"100"},
                                                       {"1000"},
                                                       {"2x0"},
                                                       {"200", "", "value"},
                                                       {"200", "a b", "value"},
                                                       {"200", "Name", "one\r\nOther: two"},
                                                       {"200", "Name", std::string("a\0b", 3)}};
  for (const std::vector<std::string>& words : wrong) {
    const Result<PassedAnswer> answer = ReadAnswer(words);
    ASSERT_TRUE(answer.has_error()) << (words.empty() ? "" : words.back());
    EXPECT_EQ(answer.error().reason(), "PROGRAM_ANSWER");
  }
}

}  // namespace
}  // namespace slipway::gateway::http
