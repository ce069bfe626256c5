// Limits, time-outs and hostile requests of HttpServer: each with its exact answer.
#include <atomic>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "async/deadline.h"
#include "base/json.h"
#include "net/http_server.h"
#include "net/testing/raw_client.h"
#include "net/testing/test_server.h"

namespace slipway::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Task<HttpResponse> EchoBody(HttpRequest& request) {
  const Result<std::string> body = co_await request.body->ReadAll(1000);
  if (!body.has_value()) co_return ProblemResponse(body.error());
  co_return HttpResponse::Text(200, *body);
}

std::string ReasonOf(const RawResponse& response) {
  const Result<Json> problem = ParseJson(response.body);
  return problem.has_value() ? problem->value("reason", "") : "";
}

// The answer and a connection that ends in order, without a reset.
void ExpectRefusal(RawClient& client, int status, const std::string& reason) {
  RawResponse response = client.Receive();
  EXPECT_EQ(response.status, status);
  EXPECT_EQ(ReasonOf(response), reason);
  EXPECT_EQ(response.headers["connection"], "close");
  EXPECT_TRUE(client.AtEnd());
  EXPECT_FALSE(client.was_reset());
}

TEST(HttpLimitsTest, MalformedRequests) {
  TestServer server(EchoBody);
  const std::vector<std::tuple<std::string, int, std::string>> cases = {
      {"nonsense\r\n\r\n", 400, "HEAD_MALFORMED"},
      {"GET / HTTP/1.1\nHost: localhost\n\n", 400, "HEAD_MALFORMED"},
      {"GET / HTTP/1.1\r\n\r\n", 400, "HOST_MISSING"},
      {"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505, "HTTP_VERSION"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP_VERSION"},
      {GetRequest("/", "A : b\r\n"), 400, "HEAD_MALFORMED"},
      {GetRequest("/", "Transfer-Encoding: gzip\r\n"), 501, "TRANSFER_ENCODING_UNSUPPORTED"},
      {GetRequest("/", "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"), 400,
       "HEAD_MALFORMED"},
      {GetRequest("/", "Content-Length: 1\r\nContent-Length: 2\r\n"), 400,
       "CONTENT_LENGTH_INVALID"},
      {GetRequest("/", "Expect: miracles\r\n"), 417, "EXPECTATION_UNKNOWN"},
      {"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, "HOST_REFUSED"},
      {GetRequest("/", "Origin: http://evil.example\r\n"), 403, "ORIGIN_REFUSED"},
      {"\x16\x03\x01\x02", 400, "HEAD_MALFORMED"},  // the beginning of TLS
  };
  for (const auto& [request, status, reason] : cases) {
    SCOPED_TRACE(request);
    RawClient client(server.port());
    client.Send(request);
    ExpectRefusal(client, status, reason);
  }
}

TEST(HttpLimitsTest, ForeignHostsAreLetInWhereTheyAreNotChecked) {
  TestServer server(EchoBody, {.check_host = false});
  RawClient client(server.port());
  EXPECT_EQ(client.Exchange("GET / HTTP/1.1\r\nHost: any.example\r\n\r\n").status, 200);
}

TEST(HttpLimitsTest, HeadTooLarge) {
  TestServer server(EchoBody, {.max_head_bytes = 8192});
  {
    RawClient client(server.port());
    EXPECT_EQ(client.Exchange(GetRequest("/", "A: " + std::string(8000, 'a') + "\r\n")).status,
              200);
    client.Send(GetRequest("/", "A: " + std::string(9000, 'a') + "\r\n"));
    ExpectRefusal(client, 431, "HEAD_TOO_LARGE");
  }
  {  // without an end, and more than the limit behind it
    RawClient client(server.port());
    client.Send("GET /" + std::string(500'000, 'a'));
    ExpectRefusal(client, 431, "HEAD_TOO_LARGE");
  }
  RawClient client(server.port());
  std::string headers;
  for (int i = 0; i < 200; ++i) headers += "A: b\r\n";
  client.Send(GetRequest("/", headers));
  ExpectRefusal(client, 431, "HEAD_TOO_LARGE");
}

TEST(HttpLimitsTest, BodyTooLarge) {
  TestServer server(EchoBody);
  const std::string head = "POST / HTTP/1.1\r\nHost: localhost\r\n";
  {
    RawClient client(server.port());
    client.Send(head + "Content-Length: 1000\r\n\r\n" + std::string(1000, 'x'));
    EXPECT_EQ(client.Receive().status, 200);
    // Refused before it is read, though it is sent.
    client.Send(head + "Content-Length: 5000000\r\n\r\n" + std::string(5'000'000, 'x'));
    ExpectRefusal(client, 413, "BODY_TOO_LARGE");
  }
  {
    RawClient client(server.port());
    client.Send(head + "Content-Length: 999999999999999999\r\n\r\n");
    EXPECT_EQ(client.Receive().status, 413);
  }
  RawClient client(server.port());
  client.Send(head + "Transfer-Encoding: chunked\r\n\r\n186a0\r\n" + std::string(100'000, 'x') +
              "\r\n0\r\n\r\n");
  EXPECT_EQ(client.Receive().status, 413);
}

TEST(HttpLimitsTest, MalformedChunks) {
  TestServer server(EchoBody);
  RawClient client(server.port());
  client.Send(
      "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n");
  ExpectRefusal(client, 400, "BODY_MALFORMED");
}

TEST(HttpLimitsTest, TruncatedBody) {
  TestServer server(EchoBody);
  RawClient client(server.port());
  client.Send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc");
  client.ShutdownWrite();
  ExpectRefusal(client, 400, "BODY_TRUNCATED");
}

TEST(HttpLimitsTest, SlowHeads) {
  TestServer server(EchoBody, {.head_timeout = milliseconds(200)});
  const auto start = steady_clock::now();
  RawClient client(server.port());
  // A byte now and then does not buy more time.
  std::thread drip([&client] {
    for (int i = 0; i < 25; ++i) {
      if (!client.Send(i == 0 ? "GET / HTTP/1.1\r\nA: " : "a")) break;
      std::this_thread::sleep_for(milliseconds(20));
    }
  });
  const RawResponse response = client.Receive();
  EXPECT_GE(steady_clock::now() - start, milliseconds(200));
  drip.join();
  EXPECT_EQ(response.status, 408);
  EXPECT_EQ(ReasonOf(response), "HEAD_TIMEOUT");
  EXPECT_EQ(response.headers.at("connection"), "close");
}

TEST(HttpLimitsTest, IdleConnectionsAreClosed) {
  TestServer server(EchoBody, {.idle_timeout = milliseconds(100)});
  RawClient silent(server.port());
  RawClient used(server.port());
  const auto start = steady_clock::now();
  EXPECT_EQ(used.Exchange(GetRequest("/")).status, 200);
  EXPECT_TRUE(used.AtEnd());
  EXPECT_GE(steady_clock::now() - start, milliseconds(100));
  EXPECT_TRUE(silent.AtEnd());
}

TEST(HttpLimitsTest, SlowBodies) {
  TestServer server(EchoBody, {.body_timeout = milliseconds(100)});
  RawClient client(server.port());
  client.Send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc");
  // Each byte gives more time; silence ends it.
  for (int i = 0; i < 4; ++i) {
    std::this_thread::sleep_for(milliseconds(50));
    client.Send("d");
  }
  ExpectRefusal(client, 408, "BODY_TIMEOUT");
}

Task<void> WriteUntilRefused(StreamWriter* writer, std::shared_ptr<std::atomic<int>> refused) {
  const std::string piece(100'000, 'x');
  while (true) {
    const Result<void> written = co_await writer->Write(piece);
    if (written.has_value()) continue;
    EXPECT_EQ(written.error().reason(), "CLIENT_GONE");
    ++*refused;
    co_return;
  }
}

Handler EndlessStream(std::shared_ptr<std::atomic<int>> refused) {
  return [refused](HttpRequest&) -> Task<HttpResponse> {
    return [](std::shared_ptr<std::atomic<int>> count) -> Task<HttpResponse> {
      HttpResponse response;
      response.body =
          StreamBody([count](StreamWriter& writer) { return WriteUntilRefused(&writer, count); });
      co_return response;
    }(refused);
  };
}

bool WaitFor(const std::atomic<int>& value, int expected) {
  const auto end = steady_clock::now() + std::chrono::seconds(10);
  while (value != expected && steady_clock::now() < end) {
    std::this_thread::sleep_for(milliseconds(2));
  }
  return value == expected;
}

TEST(HttpLimitsTest, ClientThatDoesNotRead) {
  auto refused = std::make_shared<std::atomic<int>>(0);
  TestServer server(EndlessStream(refused), {.write_timeout = milliseconds(100)});
  RawClient client(server.port());
  client.ShrinkReceiveBuffer();
  client.Send(GetRequest("/"));
  EXPECT_TRUE(WaitFor(*refused, 1));
}

TEST(HttpLimitsTest, ClientThatLeavesWhileItIsWrittenTo) {
  auto refused = std::make_shared<std::atomic<int>>(0);
  TestServer server(EndlessStream(refused));
  RawClient client(server.port());
  client.Send(GetRequest("/"));
  EXPECT_EQ(client.Receive(true).status, 200);
  client.Reset();
  EXPECT_TRUE(WaitFor(*refused, 1));
}

Handler WaitForEver(std::shared_ptr<std::atomic<int>> begun,
                    std::shared_ptr<std::atomic<int>> cancelled) {
  return [begun, cancelled](HttpRequest&) -> Task<HttpResponse> {
    return [](std::shared_ptr<std::atomic<int>> started,
              std::shared_ptr<std::atomic<int>> ended) -> Task<HttpResponse> {
      ++*started;
      if (!co_await SleepFor(std::chrono::hours(1))) ++*ended;
      co_return HttpResponse::Empty(204);
    }(begun, cancelled);
  };
}

TEST(HttpLimitsTest, ClientsThatLeaveCancelTheHandler) {
  auto begun = std::make_shared<std::atomic<int>>(0);
  auto cancelled = std::make_shared<std::atomic<int>>(0);
  TestServer server(WaitForEver(begun, cancelled));
  RawClient leaves(server.port());
  RawClient resets(server.port());
  leaves.Send(GetRequest("/"));
  resets.Send(GetRequest("/"));
  ASSERT_TRUE(WaitFor(*begun, 2));
  const auto start = steady_clock::now();
  leaves.Close();
  EXPECT_TRUE(WaitFor(*cancelled, 1));
  resets.Reset();
  EXPECT_TRUE(WaitFor(*cancelled, 2));
  // Seen by an event, not by a time-out.
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(5));
  // One that left before its handler began is noticed too.
  RawClient hasty(server.port());
  hasty.Send(GetRequest("/"));
  hasty.Close();
  EXPECT_TRUE(WaitFor(*cancelled, 3));
}

TEST(HttpLimitsTest, PipelinedRequestIsNoLeaving) {
  auto begun = std::make_shared<std::atomic<int>>(0);
  auto cancelled = std::make_shared<std::atomic<int>>(0);
  TestServer server(WaitForEver(begun, cancelled));
  RawClient client(server.port());
  client.Send(GetRequest("/") + GetRequest("/"));
  ASSERT_TRUE(WaitFor(*begun, 1));
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_EQ(*cancelled, 0);
}

Task<HttpResponse> ReadWithDeadline(HttpRequest& request) {
  if (request.path == "/refuse") co_return HttpResponse::Text(403, "no");
  const Result<std::string> body = co_await WithDeadline(steady_clock::now() + milliseconds(50),
                                                         request.body->ReadAll(1'000'000));
  if (!body.has_value()) co_return ProblemResponse(body.error());
  co_return HttpResponse::Text(200, std::to_string(body->size()));
}

TEST(HttpLimitsTest, DeadlineOfAHandlerThatReads) {
  TestServer server(ReadWithDeadline);
  RawClient client(server.port());
  client.Send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc");
  ExpectRefusal(client, 504, "DEADLINE");
  RawClient other(server.port());
  EXPECT_EQ(
      other.Exchange("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc").body,
      "3");
}

TEST(HttpLimitsTest, ClientsThatSendWithoutEndDoNotStarveOthers) {
  TestServer server(ReadWithDeadline);
  std::atomic<bool> stop = false;
  std::vector<std::thread> floods;
  for (const char* path : {"/", "/refuse"}) {
    floods.emplace_back([&server, &stop, path] {
      const std::string piece(200'000, 'x');
      while (!stop) {
        RawClient client(server.port());
        client.Send("POST " + std::string(path) +
                    " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999999\r\n\r\n");
        while (!stop && client.Send(piece)) {
        }
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    RawClient client(server.port());
    EXPECT_EQ(client.Exchange(GetRequest("/")).status, 200);
    std::this_thread::sleep_for(milliseconds(5));
  }
  stop = true;
  for (std::thread& flood : floods) flood.join();
}

TEST(HttpLimitsTest, TooManyConnections) {
  TestServer server(EchoBody, {.max_connections = 2});
  RawClient one(server.port());
  RawClient two(server.port());
  EXPECT_EQ(one.Exchange(GetRequest("/")).status, 200);
  EXPECT_EQ(two.Exchange(GetRequest("/")).status, 200);
  {
    RawClient three(server.port());
    three.Send(GetRequest("/"));
    ExpectRefusal(three, 503, "TOO_MANY_CONNECTIONS");
  }
  one.Close();
  std::this_thread::sleep_for(milliseconds(50));
  RawClient four(server.port());
  EXPECT_EQ(four.Exchange(GetRequest("/")).status, 200);
}

}  // namespace
}  // namespace slipway::net
