// How HttpServer begins and ends: listeners, draining, handing a port to the next process.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "async/deadline.h"
#include "async/testing/run.h"
#include "net/http_server.h"
#include "net/testing/raw_client.h"
#include "net/testing/test_server.h"

namespace slipway::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Task<HttpResponse> Quick(HttpRequest&) {
  co_return HttpResponse::Text(200, "quick");
}

Task<HttpResponse> Slow(HttpRequest& request) {
  if (request.path != "/slow") co_return HttpResponse::Text(200, "quick");
  const bool whole = co_await SleepFor(milliseconds(300));
  co_return HttpResponse::Text(200, whole ? "slow" : "cancelled");
}

TEST(HttpStopTest, RequestsInFlightAreAnsweredAndTheConnectionEnds) {
  TestServer server(Slow);
  RawClient busy(server.port());
  RawClient idle(server.port());
  EXPECT_EQ(idle.Exchange(GetRequest("/")).status, 200);
  busy.Send(GetRequest("/slow"));
  std::this_thread::sleep_for(milliseconds(50));
  const auto start = steady_clock::now();
  server.Stop(std::chrono::seconds(10));
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(5));
  const RawResponse response = busy.Receive();
  EXPECT_EQ(response.body, "slow");
  EXPECT_EQ(response.headers.at("connection"), "close");
  EXPECT_TRUE(busy.AtEnd());
  EXPECT_FALSE(busy.was_reset());
  EXPECT_TRUE(idle.AtEnd());
  EXPECT_FALSE(idle.was_reset());
}

TEST(HttpStopTest, WhenTheDrainIsOverHandlersAreCancelled) {
  std::atomic<int> cancelled = 0;
  TestServer server([&cancelled](HttpRequest&) -> Task<HttpResponse> {
    return [](std::atomic<int>* count) -> Task<HttpResponse> {
      if (!co_await SleepFor(std::chrono::hours(1))) ++*count;
      co_return HttpResponse();
    }(&cancelled);
  });
  RawClient client(server.port());
  client.Send(GetRequest("/"));
  std::this_thread::sleep_for(milliseconds(50));
  const auto start = steady_clock::now();
  server.Stop(milliseconds(100));
  EXPECT_GE(steady_clock::now() - start, milliseconds(100));
  EXPECT_EQ(cancelled, 1);
}

TEST(HttpStopTest, ConnectionsInEveryStateEndWhenTheDrainIsOver) {
  std::atomic<int> errors = 0;
  TestServer server([&errors](HttpRequest& request) -> Task<HttpResponse> {
    return [](HttpRequest* reads, std::atomic<int>* count) -> Task<HttpResponse> {
      const Result<std::string> body = co_await reads->body->ReadAll(100);
      if (!body.has_value() && body.error().reason() == "CLIENT_GONE") ++*count;
      std::string more_than_sockets_hold;
      more_than_sockets_hold.resize(50'000'000, 'x');
      co_return HttpResponse::Text(200, std::move(more_than_sockets_hold));
    }(&request, &errors);
  });
  RawClient fresh(server.port());
  RawClient half_head(server.port());
  half_head.Send("GET / HTTP");
  RawClient half_body(server.port());
  half_body.Send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc");
  RawClient unread(server.port());
  unread.Send(GetRequest("/"));
  RawClient lingering(server.port());
  lingering.Send("nonsense\r\n");
  lingering.Send("\r\n");
  EXPECT_EQ(lingering.Receive().status, 400);
  std::this_thread::sleep_for(milliseconds(50));
  server.Stop(milliseconds(100));
  EXPECT_EQ(errors, 1);
}

TEST(HttpStopTest, BusyKeepAliveClientsAreToldAndNoneIsReset) {
  TestServer server(Quick, {}, 2);
  std::atomic<bool> stopped = false;
  std::atomic<int> failures = 0;
  std::atomic<int> answers = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      RawClient client(server.port());
      while (true) {
        const RawResponse response = client.Exchange(GetRequest("/"));
        if (response.status != 200) {
          ++failures;
          return;
        }
        ++answers;
        if (response.headers.contains("connection")) {
          if (!client.AtEnd() || !stopped) ++failures;
          return;
        }
      }
    });
  }
  std::this_thread::sleep_for(milliseconds(100));
  stopped = true;
  server.Stop(std::chrono::seconds(10));
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(failures, 0);
  EXPECT_GT(answers, 100);
}

TEST(HttpStopTest, TheNextServerOnTheSameSocketServesWhatWaits) {
  Result<Listener> listener = Listener::Open("127.0.0.1", 0);
  ASSERT_TRUE(listener.has_value());
  CorePool cores(1);
  auto first = std::make_unique<HttpServer>(cores, Quick);
  ASSERT_TRUE(first->Listen(*listener).has_value());
  {
    RawClient client(listener->port());
    EXPECT_EQ(client.Exchange(GetRequest("/")).status, 200);
  }
  RunSync(first->Stop(milliseconds(1'000)));
  first.reset();
  // Nobody accepts now, but the socket listens: connections wait.
  RawClient waiting(listener->port());
  waiting.Send(GetRequest("/"));
  Result<Listener> adopted = Listener::Adopt(fcntl(listener->descriptor(), F_DUPFD_CLOEXEC, 0));
  ASSERT_TRUE(adopted.has_value());
  EXPECT_EQ(adopted->port(), listener->port());
  EXPECT_TRUE(adopted->is_loopback());
  HttpServer second(cores, Quick);
  ASSERT_TRUE(second.Listen(*adopted).has_value());
  EXPECT_EQ(waiting.Receive().status, 200);
  waiting.Close();
  RunSync(second.Stop(milliseconds(1'000)));
  cores.Stop();
}

TEST(HttpStopTest, StopWithoutListenAndTwice) {
  CorePool cores(1);
  {
    HttpServer server(cores, Quick);
    RunSync(server.Stop(milliseconds(10)));
  }
  TestServer server(Quick);
  server.Stop();
  server.Stop();
}

TEST(HttpStopTest, SeveralListeners) {
  CorePool cores(2);
  Result<Listener> one = Listener::Open("127.0.0.1", 0);
  Result<Listener> two = Listener::Open("::1", 0);
  ASSERT_TRUE(one.has_value());
  HttpServer server(cores, Quick);
  ASSERT_TRUE(server.Listen(*one).has_value());
  if (two.has_value()) {  // where there is IPv6
    EXPECT_TRUE(two->is_loopback());
    EXPECT_TRUE(server.Listen(*two).has_value());
  }
  {
    RawClient client(one->port());
    EXPECT_EQ(client.Exchange(GetRequest("/")).status, 200);
  }
  RunSync(server.Stop(milliseconds(1'000)));
  cores.Stop();
}

TEST(ListenerTest, Errors) {
  Result<Listener> listener = Listener::Open("127.0.0.1", 0);
  ASSERT_TRUE(listener.has_value());
  EXPECT_NE(listener->port(), 0);
  EXPECT_EQ(listener->address(), "127.0.0.1");
  const Result<Listener> taken = Listener::Open("127.0.0.1", listener->port());
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(taken.error().reason(), "ADDRESS_IN_USE");
  EXPECT_NE(taken.error().message().find(std::to_string(listener->port())), std::string::npos);
  EXPECT_EQ(Listener::Open("nowhere", 0).error().reason(), "ADDRESS_INVALID");
  EXPECT_EQ(Listener::Adopt(open("/dev/null", O_RDONLY | O_CLOEXEC)).error().reason(),
            "NOT_LISTENING");
  const Result<Listener> everywhere = Listener::Open("0.0.0.0", 0);
  ASSERT_TRUE(everywhere.has_value());
  EXPECT_FALSE(everywhere->is_loopback());
}

}  // namespace
}  // namespace slipway::net
