#include "net/http_server.h"

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "async/deadline.h"
#include "base/file_system.h"
#include "base/testing/temporary_folder.h"
#include "net/testing/raw_client.h"
#include "net/testing/test_server.h"

namespace slipway::net {
namespace {

using std::chrono::milliseconds;

// The body's size and content back, or the error.
Task<HttpResponse> EchoBody(HttpRequest& request) {
  const Result<std::string> body = co_await request.body->ReadAll(1 << 20);
  if (!body.has_value()) co_return ProblemResponse(body.error());
  co_return HttpResponse::Text(
      200, std::string(request.method_text) + " " + std::string(request.target) + " " + *body);
}

std::string Post(std::string_view path, std::string_view body, std::string_view more_headers = "") {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(more_headers) + "\r\n" + std::string(body);
}

TEST(HttpServerTest, KeepAliveAnswersManyRequests) {
  TestServer server(EchoBody);
  RawClient client(server.port());
  for (size_t i = 0; i < 100; ++i) {
    const RawResponse response = client.Exchange(Post("/p", std::string(i * 50, 'x')));
    ASSERT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "POST /p " + std::string(i * 50, 'x'));
    EXPECT_FALSE(response.headers.contains("connection"));
    EXPECT_EQ(response.headers.at("date").size(), 29U);
  }
}

TEST(HttpServerTest, EveryRequestHasAName) {
  TestServer server([](HttpRequest& request) -> Task<HttpResponse> {
    co_return HttpResponse::Text(200, request.context.request_id);
  });
  std::set<std::string> names;
  for (int i = 0; i < 3; ++i) {
    RawClient client(server.port());
    for (int j = 0; j < 20; ++j) names.insert(client.Exchange(Post("/p", "")).body);
  }
  EXPECT_EQ(names.size(), 60u);
  for (const std::string& name : names) EXPECT_NE(name, "");
}

TEST(HttpServerTest, RequestInSingleBytes) {
  TestServer server(EchoBody);
  RawClient client(server.port());
  for (const char c : Post("/slow", "abc")) {
    ASSERT_TRUE(client.Send(std::string_view(&c, 1)));
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_EQ(client.Receive().body, "POST /slow abc");
}

TEST(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  TestServer server(EchoBody);
  RawClient client(server.port());
  std::string requests;
  for (int i = 0; i < 200; ++i) {
    requests += i % 3 == 0 ? GetRequest("/get" + std::to_string(i))
                           : Post("/post" + std::to_string(i), std::string(i, 'y'));
  }
  std::thread sender([&client, &requests] { EXPECT_TRUE(client.Send(requests)); });
  for (int i = 0; i < 200; ++i) {
    const RawResponse response = client.Receive();
    ASSERT_EQ(response.status, 200);
    const std::string number = std::to_string(i);
    EXPECT_EQ(response.body, i % 3 == 0 ? "GET /get" + number + " "
                                        : "POST /post" + number + " " + std::string(i, 'y'));
  }
  sender.join();
}

TEST(HttpServerTest, EmptyLinesBeforeARequestAreSkipped) {
  TestServer server(EchoBody);
  RawClient client(server.port());
  EXPECT_EQ(client.Exchange("\r\n\r\n" + GetRequest("/a")).body, "GET /a ");
  client.Send("\r");
  EXPECT_EQ(client.Exchange("\n" + GetRequest("/b")).body, "GET /b ");
  EXPECT_EQ(client.Exchange("\r\n\r\n\r\n\r\n\r\n" + GetRequest("/c")).status, 400);
}

TEST(HttpServerTest, ChunkedRequest) {
  TestServer server(EchoBody);
  RawClient client(server.port());
  const std::string head =
      "PUT /c HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(client.Exchange(head + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n").body,
            "PUT /c abcde");
  // Large chunks, and the next request right behind.
  const std::string big(300'000, 'z');
  std::thread sender(
      [&] { client.Send(head + "493e0\r\n" + big + "\r\n0\r\n\r\n" + GetRequest("/next")); });
  EXPECT_EQ(client.Receive().body, "PUT /c " + big);
  EXPECT_EQ(client.Receive().body, "GET /next ");
  sender.join();
}

TEST(HttpServerTest, LargeBodyAndAnswer) {
  TestServer server(EchoBody);
  RawClient client(server.port());
  const std::string big(1'000'000, 'b');
  std::thread sender([&] { client.Send(Post("/big", big)); });
  const RawResponse response = client.Receive();
  sender.join();
  EXPECT_EQ(response.body, "POST /big " + big);
}

// Requests that come while the core is busy are one turn of it: their answers wait for its end.
class HttpServerTurnTest : public testing::Test {
 protected:
  // Connects so many, and then keeps the core busy until `may_go_on_`.
  void ConnectAndKeepBusy(int count) {
    for (int i = 0; i < count; ++i) {
      clients_.push_back(std::make_unique<RawClient>(server_.port()));
      ASSERT_EQ(clients_.back()->Exchange(GetRequest("/")).status, 200);
    }
    first_.Send(GetRequest("/busy"));
    while (!is_busy_) std::this_thread::yield();
  }

  std::atomic<bool> is_busy_ = false;
  std::atomic<bool> may_go_on_ = false;
  TestServer server_{[this](HttpRequest& request) {
    if (request.target == "/busy") {
      is_busy_ = true;
      while (!may_go_on_) std::this_thread::yield();
    }
    return EchoBody(request);
  }};
  RawClient first_{server_.port()};
  std::vector<std::unique_ptr<RawClient>> clients_;
};

TEST_F(HttpServerTurnTest, ManyRequestsInOneTurn) {
  ConnectAndKeepBusy(40);
  for (size_t i = 0; i < clients_.size(); ++i) {
    const std::string number = std::to_string(i);
    const std::string again = i % 3 == 0 ? GetRequest("/again" + number) : "";
    clients_[i]->Send(Post("/post" + number, std::string(i * 100, 'x')) + again);
    if (i % 5 == 0) clients_[i]->Reset();
  }
  may_go_on_ = true;
  EXPECT_EQ(first_.Receive().body, "GET /busy ");
  for (size_t i = 0; i < clients_.size(); ++i) {
    if (i % 5 == 0) continue;
    const std::string number = std::to_string(i);
    EXPECT_EQ(clients_[i]->Receive().body, "POST /post" + number + " " + std::string(i * 100, 'x'));
    if (i % 3 == 0) EXPECT_EQ(clients_[i]->Receive().body, "GET /again" + number + " ");
  }
}

// The same, and the server ends before they are answered.
TEST_F(HttpServerTurnTest, StopsInTheMiddleOfATurn) {
  ConnectAndKeepBusy(20);
  for (const auto& client : clients_) client->Send(GetRequest("/late"));
  std::thread stopper([this] { server_.Stop(milliseconds(0)); });
  may_go_on_ = true;
  stopper.join();
  for (const auto& client : clients_) {
    const int status = client->Receive().status;
    EXPECT_TRUE(status == 200 || status == 0) << status;
  }
}

TEST(HttpServerTest, Head) {
  TestServer server(EchoBody);
  RawClient client(server.port());
  client.Send("HEAD /h HTTP/1.1\r\nHost: localhost\r\n\r\n" + GetRequest("/after"));
  const RawResponse head = client.Receive(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), "8");  // "HEAD /h "
  EXPECT_EQ(client.Receive().body, "GET /after ");
}

TEST(HttpServerTest, Http10) {
  TestServer server(EchoBody);
  {
    RawClient client(server.port());
    const RawResponse response = client.Exchange("GET /old HTTP/1.0\r\n\r\n");
    EXPECT_EQ(response.body, "GET /old ");
    EXPECT_EQ(response.headers.at("connection"), "close");
    EXPECT_TRUE(client.AtEnd());
  }
  RawClient client(server.port());
  const std::string request = "GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  EXPECT_EQ(client.Exchange(request).headers.at("connection"), "keep-alive");
  EXPECT_EQ(client.Exchange(request).body, "GET /old ");
}

TEST(HttpServerTest, ConnectionClose) {
  TestServer server(EchoBody);
  RawClient client(server.port());
  const RawResponse response = client.Exchange(GetRequest("/x", "Connection: close\r\n"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("connection"), "close");
  EXPECT_TRUE(client.AtEnd());
  EXPECT_FALSE(client.was_reset());
}

TEST(HttpServerTest, ContinueIsSentWhenTheHandlerReads) {
  TestServer server(EchoBody);
  RawClient client(server.port());
  client.Send(
      "POST /e HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.Receive().status, 100);
  EXPECT_EQ(client.Exchange("abc").body, "POST /e abc");
  // Together with the body there is nothing to wait for.
  EXPECT_EQ(client.Exchange(Post("/f", "xyz", "Expect: 100-continue\r\n")).body, "POST /f xyz");
}

Task<HttpResponse> RefuseUnread(HttpRequest&) {
  co_return ProblemResponse(PermissionDenied("ROLE_MISSING", "No"));
}

TEST(HttpServerTest, ExpectedContinueThatIsRefused) {
  TestServer server(RefuseUnread);
  RawClient client(server.port());
  client.Send(
      "POST /e HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n");
  const RawResponse response = client.Receive();
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(response.headers.at("connection"), "close");
  EXPECT_TRUE(client.AtEnd());
}

TEST(HttpServerTest, SmallUnreadBodyKeepsTheConnection) {
  TestServer server(RefuseUnread);
  RawClient client(server.port());
  EXPECT_EQ(client.Exchange(Post("/a", std::string(50'000, 'x'))).status, 403);
  EXPECT_EQ(client.Exchange(GetRequest("/b")).status, 403);
}

TEST(HttpServerTest, LargeUnreadBodyClosesAndTheAnswerIsSeen) {
  TestServer server(RefuseUnread);
  RawClient client(server.port());
  // The client sends all of it before it looks for an answer, as simple ones do.
  EXPECT_TRUE(client.Send(Post("/a", std::string(5'000'000, 'x'))));
  const RawResponse response = client.Receive();
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(response.headers.at("connection"), "close");
  EXPECT_TRUE(client.AtEnd());
  EXPECT_FALSE(client.was_reset());
}

Task<HttpResponse> ReadPartly(HttpRequest& request) {
  EXPECT_EQ(request.body->length(), 10U);
  char piece[4];
  const Result<size_t> got = co_await request.body->Read(piece, sizeof(piece));
  co_return HttpResponse::Text(200, std::string(piece, *got));
}

TEST(HttpServerTest, PartlyReadBodyIsSkipped) {
  TestServer server(ReadPartly);
  RawClient client(server.port());
  EXPECT_EQ(client.Exchange(Post("/a", "0123456789")).body, "0123");
  EXPECT_EQ(client.Exchange(Post("/b", "abcdefghij")).body, "abcd");
}

Task<HttpResponse> Buffered(HttpRequest& request) {
  const auto body = request.body->TakeBuffered();
  if (body.has_value()) co_return HttpResponse::Text(200, "buffered " + std::string(*body));
  const Result<std::string> all = co_await request.body->ReadAll(1000);
  co_return HttpResponse::Text(200, "read " + *all);
}

TEST(HttpServerTest, BufferedBodyIsAView) {
  TestServer server(Buffered);
  RawClient client(server.port());
  EXPECT_EQ(client.Exchange(Post("/a", "12")).body, "buffered 12");
  EXPECT_EQ(client.Exchange(GetRequest("/a")).body, "buffered ");
  client.Send("POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab");
  std::this_thread::sleep_for(milliseconds(30));
  EXPECT_EQ(client.Exchange("cd").body, "read abcd");
}

Task<void> WritePieces(StreamWriter* writer) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE((co_await writer->Write("piece " + std::to_string(i) + "\n")).has_value());
    EXPECT_TRUE((co_await writer->Write("")).has_value());
    co_await SleepFor(milliseconds(2));
  }
}

Task<HttpResponse> Stream(HttpRequest& request) {
  HttpResponse response = HttpResponse::Text(200, "");
  response.body = StreamBody([](StreamWriter& writer) { return WritePieces(&writer); });
  if (request.path == "/sized") response.declared_length = 40;
  if (request.path == "/short") response.declared_length = 41;
  if (request.path == "/long") {
    response.declared_length = 3;
    response.body = StreamBody([](StreamWriter& writer) -> Task<void> {
      return [](StreamWriter* out) -> Task<void> {
        const Result<void> written = co_await out->Write("abcdef");
        EXPECT_EQ(written.error().reason(), "BODY_TOO_LONG");
      }(&writer);
    });
  }
  if (request.path == "/aborted") {
    response.body = StreamBody([](StreamWriter& writer) -> Task<void> {
      return [](StreamWriter* out) -> Task<void> {
        co_await out->Write("begun");
        out->Abort();
      }(&writer);
    });
  }
  co_return response;
}

constexpr const char* kPieces = "piece 0\npiece 1\npiece 2\npiece 3\npiece 4\n";

TEST(HttpServerTest, StreamedBodies) {
  TestServer server(Stream);
  RawClient client(server.port());
  RawResponse response = client.Exchange(GetRequest("/chunked"));
  EXPECT_EQ(response.headers.at("transfer-encoding"), "chunked");
  EXPECT_EQ(response.body, kPieces);
  response = client.Exchange(GetRequest("/sized"));
  EXPECT_EQ(response.headers.at("content-length"), "40");
  EXPECT_EQ(response.body, kPieces);
  client.Send("HEAD /sized HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.Receive(true).headers.at("content-length"), "40");
  EXPECT_EQ(client.Exchange(GetRequest("/chunked")).body, kPieces);
}

TEST(HttpServerTest, StreamToHttp10EndsWithTheConnection) {
  TestServer server(Stream);
  RawClient client(server.port());
  const RawResponse response =
      client.Exchange("GET /chunked HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_FALSE(response.headers.contains("transfer-encoding"));
  EXPECT_EQ(response.headers.at("connection"), "close");
  EXPECT_EQ(response.body, kPieces);
  EXPECT_FALSE(client.was_reset());
}

TEST(HttpServerTest, BodiesThatCannotBeCompletedAreCutOff) {
  TestServer server(Stream);
  for (const char* path : {"/short", "/aborted", "/long"}) {
    RawClient client(server.port());
    const RawResponse response = client.Exchange(GetRequest(path));
    EXPECT_EQ(response.status, 200);
    EXPECT_FALSE(response.complete) << path;
  }
}

Task<HttpResponse> SendFileRange(HttpRequest& request) {
  static const TemporaryFolder folder;
  const std::string path = folder / "file";
  if (request.path == "/make") {
    std::string content;
    for (int i = 0; i < 400'000; ++i) content += static_cast<char>('a' + i % 26);
    EXPECT_TRUE(WriteFileDurably(PosixFileSystem(), path, content).has_value());
    co_return HttpResponse::Text(200, content.substr(100, 300'000));
  }
  HttpResponse response;
  Result<std::unique_ptr<File>> file = PosixFileSystem().Open(path, {});
  EXPECT_TRUE(file.has_value());
  FileBody body;
  body.file = std::move(*file);
  body.offset = 100;
  body.size_bytes = request.path == "/beyond" ? 500'000 : 300'000;
  response.body = body;
  co_return response;
}

TEST(HttpServerTest, FileBody) {
  TestServer server(SendFileRange);
  RawClient client(server.port());
  const std::string expected = client.Exchange(GetRequest("/make")).body;
  const RawResponse response = client.Exchange(GetRequest("/file"));
  EXPECT_EQ(response.headers.at("content-length"), "300000");
  EXPECT_EQ(response.body, expected);
  client.Send("HEAD /file HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.Receive(true).headers.at("content-length"), "300000");
  const RawResponse beyond = client.Exchange(GetRequest("/beyond"));
  EXPECT_EQ(beyond.status, 200);
  EXPECT_FALSE(beyond.complete);  // the file is shorter than it was said to be
}

TEST(HttpServerTest, EmptyAnswers) {
  TestServer server([](HttpRequest& request) -> Task<HttpResponse> {
    return [](int status) -> Task<HttpResponse> {
      HttpResponse response = HttpResponse::Empty(status);
      response.body = "not sent with 204 and 304";
      co_return response;
    }(request.path == "/304" ? 304 : 204);
  });
  RawClient client(server.port());
  RawResponse response = client.Exchange(GetRequest("/204"));
  EXPECT_EQ(response.status, 204);
  EXPECT_FALSE(response.headers.contains("content-length"));
  EXPECT_EQ(client.Exchange(GetRequest("/304")).status, 304);
  EXPECT_EQ(client.Exchange(GetRequest("/204")).status, 204);
}

TEST(HttpServerTest, HandlerThatThrows) {
  TestServer server([](HttpRequest&) -> Task<HttpResponse> {
    return []() -> Task<HttpResponse> {
      throw std::runtime_error("secret");
      co_return HttpResponse();
    }();
  });
  RawClient client(server.port());
  const RawResponse response = client.Exchange(GetRequest("/x"));
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body.find("secret"), std::string::npos);
  EXPECT_EQ(client.Exchange(GetRequest("/x")).status, 500);
}

TEST(HttpServerTest, SeveralCores) {
  std::atomic<int> seen = 0;
  TestServer server(
      [&seen](HttpRequest& request) {
        ++seen;
        return EchoBody(request);
      },
      {}, 3);
  std::vector<std::thread> clients;
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back([&server] {
      for (int j = 0; j < 20; ++j) {
        RawClient client(server.port());
        for (int k = 0; k < 5; ++k) {
          EXPECT_EQ(client.Exchange(Post("/p", "abc")).body, "POST /p abc");
        }
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(seen, 600);
}

}  // namespace
}  // namespace slipway::net
