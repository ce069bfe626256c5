#include "net/request_head.h"

#include <string>

#include <gtest/gtest.h>

namespace slipway::net {
namespace {

struct Parsed {
  std::string head;  // what the views point into
  HttpRequest request;
  Framing framing;
  Result<void> result;
};

std::unique_ptr<Parsed> Parse(std::string head, HeadRules rules = {}) {
  auto parsed = std::make_unique<Parsed>();
  parsed->head = std::move(head);
  HeadScanner scanner;
  const Result<size_t> size = scanner.Scan(parsed->head);
  if (!size.has_value()) {
    parsed->result = size.error();
    return parsed;
  }
  EXPECT_EQ(*size, parsed->head.size()) << parsed->head;
  parsed->result = ParseHead(parsed->head, rules, parsed->request, parsed->framing);
  return parsed;
}

std::string Reason(const std::string& head, HeadRules rules = {}) {
  const auto parsed = Parse(head, rules);
  return parsed->result.has_value() ? "OK" : std::string(parsed->result.error().reason());
}

std::string WithHeaders(const std::string& headers) {
  return "POST /p HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n";
}

TEST(HeadScannerTest, FindsTheEndInAnyCut) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string buffer = head + "body\r\n\r\n";
  for (size_t cut = 0; cut < head.size(); ++cut) {
    HeadScanner scanner;
    EXPECT_EQ(scanner.Scan(std::string_view(buffer).substr(0, cut)).value(), 0U);
    EXPECT_EQ(scanner.Scan(buffer).value(), head.size());
  }
  HeadScanner scanner;
  size_t found = 0;
  for (size_t size = 1; size <= head.size(); ++size) {
    EXPECT_EQ(found, 0U);
    found = scanner.Scan(std::string_view(head).substr(0, size)).value();
  }
  EXPECT_EQ(found, head.size());
}

TEST(HeadScannerTest, BareLineFeedIsRefusedAtOnce) {
  for (const char* head : {"GET / HTTP/1.1\n", "\n", "GET / HTTP/1.1\r\nHost: a\n\n",
                           "GET / HTTP/1.1\r\nHost: a\r\n\n"}) {
    HeadScanner scanner;
    const Result<size_t> size = scanner.Scan(head);
    ASSERT_FALSE(size.has_value()) << head;
    EXPECT_EQ(size.error().reason(), "HEAD_MALFORMED");
  }
}

TEST(ParseHeadTest, ViewsOfAWholeRequest) {
  const auto parsed = Parse(
      "POST /v2/models/a%20b/infer?x=1&y=%202 HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n"
      "content-LENGTH: 12\r\nX-One:  a b \t\r\nX-Empty:\r\nExpect: 100-Continue\r\n\r\n");
  ASSERT_TRUE(parsed->result.has_value()) << parsed->result.error().ToString();
  const HttpRequest& request = parsed->request;
  EXPECT_EQ(request.method, Method::kPost);
  EXPECT_EQ(request.method_text, "POST");
  EXPECT_EQ(request.target, "/v2/models/a%20b/infer?x=1&y=%202");
  EXPECT_EQ(request.path, "/v2/models/a%20b/infer");
  EXPECT_EQ(request.query, "x=1&y=%202");
  EXPECT_EQ(request.Query("y"), " 2");
  EXPECT_EQ(request.Header("x-one"), "a b");
  EXPECT_EQ(request.Header("x-empty"), "");
  EXPECT_EQ(request.Header("x-two"), std::nullopt);
  EXPECT_TRUE(request.keep_alive);
  EXPECT_EQ(parsed->framing.content_length, 12U);
  EXPECT_TRUE(parsed->framing.expects_continue);
  EXPECT_FALSE(parsed->framing.chunked);
}

TEST(ParseHeadTest, RequestLine) {
  const std::string rest = "\r\nHost: a\r\n\r\n";
  for (const char* line :
       {"GET /", "GET  / HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 ", "GET /a b HTTP/1.1",
        "G(T / HTTP/1.1", "GET / HTTP/1,1", "GET / http/1.1", "GET / HTTP/11", "GET /\x80 HTTP/1.1",
        "GET /#f HTTP/1.1", "GET x HTTP/1.1", "GET\t/\tHTTP/1.1", "CONNECT a:1 HTTP/1.1",
        "* / HTTP/1.1 x", "GET * HTTP/1.1", "GET http:// HTTP/1.1", "GET /\rx HTTP/1.1",
        "METHODMETHODMETHODMETHODMETHODMETHOD / HTTP/1.1"}) {
    EXPECT_EQ(Reason(line + rest), "HEAD_MALFORMED") << line;
  }
  EXPECT_EQ(Reason("GET / HTTP/2.0" + rest), "HTTP_VERSION");
  EXPECT_EQ(Reason("GET / HTTP/0.9" + rest), "HTTP_VERSION");
  EXPECT_EQ(Reason("GET / HTTP/1.0" + rest), "OK");
  EXPECT_EQ(Reason("GET / HTTP/1.7" + rest), "OK");
  EXPECT_EQ(Reason("BREW /pot HTTP/1.1" + rest), "OK");
  EXPECT_EQ(Reason("OPTIONS * HTTP/1.1" + rest), "OK");
}

TEST(ParseHeadTest, AbsoluteForm) {
  auto parsed = Parse("GET HTTP://localhost:80/a/b?c HTTP/1.1\r\nHost: other\r\n\r\n");
  ASSERT_TRUE(parsed->result.has_value());
  EXPECT_EQ(parsed->request.path, "/a/b");
  EXPECT_EQ(parsed->request.query, "c");
  parsed = Parse("GET http://localhost HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(parsed->result.has_value());
  EXPECT_EQ(parsed->request.path, "/");
  // The target's host counts, not the header's.
  const HeadRules loopback{.loopback_only = true};
  EXPECT_EQ(Reason("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", loopback),
            "HOST_REFUSED");
  EXPECT_EQ(Reason("GET http://localhost/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", loopback), "OK");
  EXPECT_EQ(Reason("GET http://user@localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            "HEAD_MALFORMED");
}

TEST(ParseHeadTest, Headers) {
  for (const char* headers :
       {" Folded: x\r\n", "A: b\r\n\tc\r\n", "A : b\r\n", "A b\r\n", ": b\r\n", "A\x01: b\r\n",
        "A: b\x01\r\n", "A: b\x7f\r\n", "A: b\rc\r\n", "Host: twice\r\n", "A(: b\r\n",
        "Expect: 100-continue\r\nExpect: 100-continue\r\n", "Origin: a\r\nOrigin: b\r\n"}) {
    EXPECT_EQ(Reason(WithHeaders(headers)), "HEAD_MALFORMED") << headers;
  }
  EXPECT_EQ(Reason(WithHeaders(std::string("A: b\0c\r\n", 8))), "HEAD_MALFORMED");
  EXPECT_EQ(Reason(WithHeaders("A: b\tc \xc3\xa9\r\n")), "OK");
  EXPECT_EQ(Reason(WithHeaders("A: 1\r\nB: 2\r\n"), {.max_headers = 3}), "OK");
  EXPECT_EQ(Reason(WithHeaders("A: 1\r\nB: 2\r\nC: 3\r\n"), {.max_headers = 3}), "HEAD_TOO_LARGE");
}

TEST(ParseHeadTest, Host) {
  EXPECT_EQ(Reason("GET / HTTP/1.1\r\n\r\n"), "HOST_MISSING");
  EXPECT_EQ(Reason("GET / HTTP/1.0\r\n\r\n"), "OK");
  EXPECT_EQ(Reason("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), "HEAD_MALFORMED");
  EXPECT_EQ(Reason("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), "HEAD_MALFORMED");
  const HeadRules loopback{.loopback_only = true};
  const auto with_host = [](const std::string& host) {
    return "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
  };
  for (const char* host :
       {"localhost", "LocalHost:80", "127.0.0.1", "127.8.9.10:1", "[::1]", "[::1]:8000"}) {
    EXPECT_EQ(Reason(with_host(host), loopback), "OK") << host;
  }
  for (const char* host :
       {"", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "128.0.0.1",
        "0.0.0.0", "127.1", "[::2]", "[::1", "::1", "[::1]x", "localhost@evil"}) {
    const std::string reason = Reason(with_host(host), loopback);
    EXPECT_TRUE(reason == "HOST_REFUSED" || reason == "HEAD_MALFORMED") << host << " " << reason;
  }
  EXPECT_EQ(Reason(with_host("evil.example")), "OK");
}

TEST(ParseHeadTest, Origin) {
  const HeadRules loopback{.loopback_only = true};
  for (const char* origin : {"http://localhost", "http://127.0.0.1:8080", "https://[::1]:1"}) {
    EXPECT_EQ(Reason(WithHeaders("Origin: " + std::string(origin) + "\r\n"), loopback), "OK");
  }
  for (const char* origin : {"null", "", "http://evil.example", "http://localhost.evil.example",
                             "localhost", "file://"}) {
    EXPECT_EQ(Reason(WithHeaders("Origin: " + std::string(origin) + "\r\n"), loopback),
              "ORIGIN_REFUSED")
        << origin;
  }
}

TEST(ParseHeadTest, BodyFraming) {
  EXPECT_EQ(Parse(WithHeaders("Transfer-Encoding: Chunked\r\n"))->framing.chunked, true);
  for (const char* length : {"", "-1", "+1", "1 2", "0x1", "1,1", "1e3", "99999999999999999999"}) {
    EXPECT_EQ(Reason(WithHeaders("Content-Length: " + std::string(length) + "\r\n")),
              "CONTENT_LENGTH_INVALID")
        << length;
  }
  EXPECT_EQ(Reason(WithHeaders("Content-Length: 1\r\nContent-Length: 1\r\n")),
            "CONTENT_LENGTH_INVALID");
  EXPECT_EQ(Reason(WithHeaders("Content-Length: 1\r\nContent-Length: 2\r\n")),
            "CONTENT_LENGTH_INVALID");
  EXPECT_EQ(Reason(WithHeaders("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")),
            "HEAD_MALFORMED");
  EXPECT_EQ(Reason(WithHeaders("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")),
            "HEAD_MALFORMED");
  for (const char* coding :
       {"gzip", "gzip, chunked", "chunked, identity", "xchunked", "identity", "chunked;a=b"}) {
    EXPECT_EQ(Reason(WithHeaders("Transfer-Encoding: " + std::string(coding) + "\r\n")),
              "TRANSFER_ENCODING_UNSUPPORTED")
        << coding;
  }
  EXPECT_EQ(Reason("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), "HEAD_MALFORMED");
  EXPECT_EQ(Reason(WithHeaders("Expect: something\r\n")), "EXPECTATION_UNKNOWN");
  EXPECT_FALSE(Parse(WithHeaders("Expect: 100-continue\r\n"))->framing.expects_continue);
}

TEST(ParseHeadTest, KeepAlive) {
  const auto keeps = [](const std::string& version, const std::string& connection) {
    return Parse("GET / HTTP/" + version + "\r\nHost: a\r\n" + connection + "\r\n")
        ->request.keep_alive;
  };
  EXPECT_TRUE(keeps("1.1", ""));
  EXPECT_FALSE(keeps("1.1", "Connection: x, Close\r\n"));
  EXPECT_FALSE(keeps("1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
  EXPECT_FALSE(keeps("1.0", ""));
  EXPECT_TRUE(keeps("1.0", "Connection: Keep-Alive\r\n"));
}

}  // namespace
}  // namespace slipway::net
