#include "net/http_client.h"

#include <string>

#include <gtest/gtest.h>

#include "async/deadline.h"
#include "net/testing/raw_client.h"
#include "net/testing/test_server.h"

namespace slipway::net {
namespace {

using std::chrono::milliseconds;

Task<HttpResponse> Answer(HttpRequest& request) {
  if (request.path == "/redirect") {
    HttpResponse response = HttpResponse::Empty(302);
    response.headers.emplace_back("Location", "/elsewhere");
    co_return response;
  }
  if (request.path == "/late") {
    static_cast<void>(co_await SleepFor(std::chrono::seconds(30)));
  }
  if (request.path == "/error") co_return ProblemResponse(NotFound("THING_UNKNOWN", "no"));
  if (request.path == "/large") co_return HttpResponse::Text(200, std::string(100'000, 'x'));
  if (request.path == "/seen") {
    std::string seen(request.target);
    for (const auto& [name, value] : request.headers) {
      if (name != "Host") seen.append(" ").append(name).append("=").append(value);
    }
    co_return HttpResponse::Text(418, seen);
  }
  const Result<std::string> body = co_await request.body->ReadAll(10 << 20);
  if (!body.has_value()) co_return ProblemResponse(body.error());
  std::string text = std::string(request.method_text) + " ";
  text += request.Header("X-Test").value_or("-");
  text += " ";
  text += request.Header("Content-Type").value_or("-");
  HttpResponse response = HttpResponse::Text(200, text + " " + *body);
  response.headers.emplace_back("X-Size", std::to_string(body->size()));
  co_return response;
}

class HttpClientTest : public testing::Test {
 protected:
  ClientRequest To(const std::string& path) {
    ClientRequest request;
    request.url = server_.Url(path);
    return request;
  }

  TestServer server_{Answer};
  HttpClient client_;
};

TEST_F(HttpClientTest, Methods) {
  ClientRequest request = To("/");
  EXPECT_EQ(client_.Send(request).value().body, "GET - - ");
  request.method = "DELETE";
  request.headers = {{"X-Test", "a b"}};
  EXPECT_EQ(client_.Send(request).value().body, "DELETE a b - ");
  request.method = "POST";
  EXPECT_EQ(client_.Send(request).value().body, "POST a b - ");
  request.body = "text";
  request.headers = {{"Content-Type", "application/json"}};
  EXPECT_EQ(client_.Send(request).value().body, "POST - application/json text");
  request.method = "PATCH";
  EXPECT_EQ(client_.Send(request).value().body, "PATCH - application/json text");
  ClientRequest head = To("/");
  head.method = "HEAD";
  const ClientResponse response = client_.Send(head).value();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(response.Header("content-length"), "9");
}

TEST_F(HttpClientTest, ARequestIsPassedOnAsItIs) {
  ClientRequest request = To("/elsewhere");
  request.raw_target = "/seen?q=%2f&{}";
  request.headers = {{"X-Test", "a b"}};
  std::string body;
  request.download = [&](std::string_view piece) -> Result<void> {
    body += piece;
    return {};
  };
  EXPECT_EQ(client_.Send(request)->status, 418);
  EXPECT_EQ(body, "/seen?q=%2f&{} X-Test=a b");
}

TEST_F(HttpClientTest, ACallIsCancelled) {
  const std::atomic<uint32_t> cancelled{1};
  ClientRequest request = To("/late");
  request.cancelled = &cancelled;
  const auto answer = client_.Send(request);
  ASSERT_TRUE(answer.has_error());
  EXPECT_EQ(answer.error().reason(), "CALL_CANCELLED");
}

TEST_F(HttpClientTest, StatusesAreValuesAndRedirectsAreNotFollowed) {
  const ClientResponse redirect = client_.Send(To("/redirect")).value();
  EXPECT_EQ(redirect.status, 302);
  EXPECT_EQ(redirect.Header("LOCATION"), "/elsewhere");
  EXPECT_EQ(client_.Send(To("/error"))->status, 404);
}

TEST_F(HttpClientTest, UploadAndDownloadInPieces) {
  ClientRequest request = To("/");
  request.method = "PUT";
  size_t left = 3'000'000;
  request.upload = [&left](char* out, size_t size) -> Result<size_t> {
    const size_t piece = std::min(size, left);
    std::fill(out, out + piece, 'u');
    left -= piece;
    return piece;
  };
  int heads = 0;
  request.on_head = [&heads](const ClientResponse& head) -> Result<void> {
    ++heads;
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.Header("X-Size"), "3000000");
    return {};
  };
  size_t received = 0;
  request.download = [&received](std::string_view piece) -> Result<void> {
    received += piece.size();
    return {};
  };
  const ClientResponse response = client_.Send(request).value();
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(received, 3'000'000U + std::string("PUT - - ").size());
  EXPECT_EQ(heads, 1);
  // With a declared size.
  left = 1000;
  request.upload_size = 1000;
  request.on_head = nullptr;
  EXPECT_EQ(client_.Send(request).value().Header("X-Size"), "1000");
}

TEST_F(HttpClientTest, ErrorsOfCallbacksAreReturned) {
  ClientRequest request = To("/large");
  request.download = [](std::string_view) -> Result<void> {
    return ResourceExhausted("DISK_FULL", "no room");
  };
  EXPECT_EQ(client_.Send(request).error().reason(), "DISK_FULL");
  request = To("/large");
  request.on_head = [](const ClientResponse&) -> Result<void> {
    return FailedPrecondition("NO_RANGE", "not a range");
  };
  EXPECT_EQ(client_.Send(request).error().reason(), "NO_RANGE");
  request = To("/");
  request.method = "PUT";
  request.upload = [](char*, size_t) -> Result<size_t> { return DataLoss("FILE_BROKEN", "bad"); };
  EXPECT_EQ(client_.Send(request).error().reason(), "FILE_BROKEN");
  EXPECT_EQ(client_.Send(To("/"))->status, 200);
}

TEST_F(HttpClientTest, Limits) {
  ClientRequest request = To("/large");
  request.max_response_bytes = 99'999;
  EXPECT_EQ(client_.Send(request).error().reason(), "RESPONSE_TOO_LARGE");
  request.max_response_bytes = 100'000;
  EXPECT_EQ(client_.Send(request).value().body.size(), 100'000U);
  request = To("/late");
  request.timeout = milliseconds(50);
  EXPECT_EQ(client_.Send(request).error().reason(), "TIMEOUT");
  request.timeout = milliseconds(0);
  request.idle_timeout = milliseconds(50);
  const Result<ClientResponse> idle = client_.Send(request);
  EXPECT_EQ(idle.error().reason(), "TIMEOUT");
  EXPECT_EQ(idle.error().code(), Code::kDeadlineExceeded);
}

TEST_F(HttpClientTest, ConnectionErrors) {
  ClientRequest request;
  uint16_t free_port = 0;
  {
    Result<Listener> listener = Listener::Open("127.0.0.1", 0);
    free_port = listener->port();
  }
  request.url = "http://127.0.0.1:" + std::to_string(free_port) + "/";
  EXPECT_EQ(client_.Send(request).error().reason(), "CONNECT_FAILED");
  EXPECT_EQ(client_.Send(request).error().code(), Code::kUnavailable);
  request.url = "file:///etc/passwd";
  EXPECT_EQ(client_.Send(request).error().reason(), "URL_MALFORMED");
  request = To("/");
  request.headers = {{"X-Test", "a\r\nX-Evil: b"}};
  EXPECT_EQ(client_.Send(request).error().reason(), "HEADER_MALFORMED");
}

}  // namespace
}  // namespace slipway::net
