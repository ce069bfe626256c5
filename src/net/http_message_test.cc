#include "net/http_message.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "net/http_status.h"
#include "net/response_head.h"

namespace slipway::net {
namespace {

TEST(HttpRequestTest, HeaderListTakesLinesAndCommasApart) {
  HttpRequest request;
  request.headers = {{"Accept", "a, b ,"}, {"X", "1"}, {"accept", ",c"}};
  EXPECT_EQ(request.HeaderList("ACCEPT"), (std::vector<std::string_view>{"a", "b", "c"}));
  EXPECT_EQ(request.Header("accept"), "a, b ,");
  EXPECT_TRUE(request.HeaderList("none").empty());
}

TEST(HttpRequestTest, Query) {
  HttpRequest request;
  request.query = "a=1&b=x%20y+z&a=2&flag&=v&c%3d=4";
  EXPECT_EQ(request.Query("a"), "1");
  EXPECT_EQ(request.QueryAll("a"), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(request.Query("b"), "x y z");
  EXPECT_EQ(request.Query("flag"), "");
  EXPECT_EQ(request.Query("c="), "4");
  EXPECT_EQ(request.Query("none"), std::nullopt);
}

TEST(PercentTest, DecodeAndEncode) {
  EXPECT_EQ(PercentDecode("a%2Fb%e4").value(), "a/b\xe4");
  for (const char* bad : {"%", "%4", "%4g", "a%zz"}) {
    const Result<std::string> decoded = PercentDecode(bad);
    ASSERT_FALSE(decoded.has_value());
    EXPECT_EQ(decoded.error().reason(), "URL_MALFORMED");
    EXPECT_EQ(decoded.error().code(), Code::kInvalidArgument);
  }
  EXPECT_EQ(PercentEncode("a/b c~\xff"), "a%2Fb%20c~%FF");
}

TEST(HttpStatusTest, EveryCode) {
  const std::vector<std::pair<Code, int>> table = {
      {Code::kCancelled, 499},          {Code::kUnknown, 500},
      {Code::kInvalidArgument, 400},    {Code::kDeadlineExceeded, 504},
      {Code::kNotFound, 404},           {Code::kAlreadyExists, 409},
      {Code::kPermissionDenied, 403},   {Code::kResourceExhausted, 429},
      {Code::kFailedPrecondition, 409}, {Code::kAborted, 409},
      {Code::kOutOfRange, 400},         {Code::kUnimplemented, 501},
      {Code::kInternal, 500},           {Code::kUnavailable, 503},
      {Code::kDataLoss, 500},           {Code::kUnauthenticated, 401}};
  ASSERT_EQ(table.size(), 16U);
  for (const auto& [code, status] : table) {
    EXPECT_EQ(HttpStatus(code), status);
    EXPECT_EQ(HttpStatus(Error(code, "SOMETHING", "x")), status);
    EXPECT_NE(StatusPhrase(status), "Unknown");
  }
}

TEST(HttpStatusTest, ReasonsWithAStatusOfTheirOwn) {
  EXPECT_EQ(HttpStatus(ResourceExhausted("BODY_TOO_LARGE", "x")), 413);
  EXPECT_EQ(HttpStatus(ResourceExhausted("RESOURCE_TOO_LARGE", "x")), 413);
  EXPECT_EQ(HttpStatus(ResourceExhausted("HEAD_TOO_LARGE", "x")), 431);
  EXPECT_EQ(HttpStatus(ResourceExhausted("DISK_FULL", "x")), 507);
  EXPECT_EQ(HttpStatus(ResourceExhausted("FILE_SIZE_LIMIT", "x")), 507);
  EXPECT_EQ(HttpStatus(Unimplemented("METHOD_NOT_ALLOWED", "x")), 405);
  EXPECT_EQ(HttpStatus(Error(Code::kDeadlineExceeded, "BODY_TIMEOUT", "x")), 408);
  EXPECT_EQ(HttpStatus(Error(Code::kOutOfRange, "EXPIRED", "x")), 410);
  EXPECT_EQ(HttpStatus(Error(Code::kAborted, "VERSION_CONFLICT", "x")), 412);
}

TEST(ProblemResponseTest, FieldsAndHeaders) {
  const HttpResponse response = ProblemResponse(
      InvalidArgument("FIELD_FORMAT", "bad \xff").With("field", "spec.x").With("limit", "3"));
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.content_type, "application/problem+json");
  const Json problem = ParseJson(std::get<std::string>(response.body)).value();
  EXPECT_EQ(problem["type"], "about:blank");
  EXPECT_EQ(problem["title"], "Bad Request");
  EXPECT_EQ(problem["status"], 400);
  EXPECT_EQ(problem["code"], "INVALID_ARGUMENT");
  EXPECT_EQ(problem["reason"], "FIELD_FORMAT");
  EXPECT_EQ(problem["field"], "spec.x");
  EXPECT_EQ(problem["details"]["limit"], "3");
  using Headers = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(ProblemResponse(Unauthenticated("TOKEN_MISSING", "x")).headers,
            (Headers{{"WWW-Authenticate", "Bearer realm=\"slipway\""}}));
  EXPECT_EQ(ProblemResponse(Unavailable("BUSY", "x").With("retry_after_s", "7")).headers,
            (Headers{{"Retry-After", "7"}}));
  EXPECT_EQ(ProblemResponse(Unimplemented("METHOD_NOT_ALLOWED", "x").With("allow", "GET")).headers,
            (Headers{{"Allow", "GET"}}));
}

TEST(ResponseHeadTest, NoValueAddsAHeader) {
  HttpResponse response = HttpResponse::Text(200, "x");
  response.headers = {
      {"Location", "/a\r\nSet-Cookie: b=c"}, {"Content-Length", "99"}, {"X\r\nY", "1"}};
  std::string out;
  AppendResponseHead(response, {.content_length = 1}, "DATE", out);
  EXPECT_EQ(out,
            "HTTP/1.1 200 OK\r\nDate: DATE\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Content-Length: 1\r\nLocation: /a  Set-Cookie: b=c\r\nX  Y: 1\r\n\r\n");
}

TEST(ResponseHeadTest, ConnectionAndUnknownStatus) {
  std::string out;
  AppendResponseHead(HttpResponse::Empty(299), {.http11 = false, .keep_alive = true}, "D", out);
  EXPECT_EQ(out, "HTTP/1.1 299 Unknown\r\nDate: D\r\nConnection: keep-alive\r\n\r\n");
  out.clear();
  AppendResponseHead(HttpResponse::Empty(200), {.keep_alive = false, .chunked = true}, "D", out);
  EXPECT_EQ(
      out, "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
}

TEST(ResponseHeadTest, Date) {
  EXPECT_EQ(HttpDate(784'111'777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(HttpDate(1'709'210'096), "Thu, 29 Feb 2024 12:34:56 GMT");
}

}  // namespace
}  // namespace slipway::net
