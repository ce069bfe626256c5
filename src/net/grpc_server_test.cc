// gRPC over real sockets: calls as clients make them, and as they should not.
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "async/core_pool.h"
#include "async/deadline.h"
#include "async/testing/run.h"
#include "net/grpc_service.h"
#include "net/http_server.h"
#include "net/limits.h"
#include "net/testing/grpc_raw_client.h"

namespace slipway::net {
namespace {

using std::chrono::milliseconds;

constexpr int kOk = 0;
constexpr std::string_view kEcho = "/test.Echo/Echo";

std::atomic<int> cancelled_tasks = 0;

Task<void> Slowly(GrpcCall& call) {
  if (!co_await SleepFor(milliseconds(300))) ++cancelled_tasks;
  call.answer().append(call.message());
  call.Finish();
}

Task<void> Forever(GrpcCall& call) {
  if (!co_await SleepFor(std::chrono::hours(1))) ++cancelled_tasks;
  call.Finish();
}

Task<void> EchoStream(GrpcCall& call) {
  while (co_await call.Read()) {
    call.answer().append(call.message());
    if (!co_await call.Write()) break;
  }
  if (call.is_cancelled()) ++cancelled_tasks;
  call.Finish();
}

// Watches nothing but its cancellation.
Task<void> Watch(GrpcCall& call) {
  while (co_await call.Read()) {
    while (!call.is_over()) co_await SleepFor(std::chrono::hours(1));
    ++cancelled_tasks;
  }
}

// Fails, and does not end.
Task<void> Linger(GrpcCall& call) {
  call.Fail(NotFound("GONE", "it is gone"));
  if (!co_await SleepFor(std::chrono::hours(1))) ++cancelled_tasks;
}

GrpcService MakeEcho(GrpcServiceOptions options) {
  GrpcService service(options);
  service.Add({.path = std::string(kEcho),
               .unary =
                   [](GrpcCall& call) {
                     call.answer().append(call.message());
                     call.Finish();
                   },
               .stream = nullptr});
  service.Add({.path = "/test.Echo/Fail",
               .unary = [](GrpcCall& call) { call.Fail(NotFound("GONE", "it is 100% gone\n")); },
               .stream = nullptr});
  service.Add({.path = "/test.Echo/Nothing", .unary = [](GrpcCall&) {}, .stream = nullptr});
  service.Add({.path = "/test.Echo/Slow",
               .unary = [](GrpcCall& call) { call.Start(Slowly(call)); },
               .stream = nullptr});
  service.Add({.path = "/test.Echo/Forever",
               .unary = [](GrpcCall& call) { call.Start(Forever(call)); },
               .stream = nullptr});
  service.Add({.path = "/test.Echo/Stream", .unary = nullptr, .stream = EchoStream});
  service.Add({.path = "/test.Echo/Small",
               .unary = nullptr,
               .stream = EchoStream,
               .max_message_bytes = 100});
  service.Add({.path = "/test.Echo/Watch", .unary = nullptr, .stream = Watch});
  service.Add({.path = "/test.Echo/Linger", .unary = nullptr, .stream = Linger});
  return service;
}

class EchoServer {
 public:
  explicit EchoServer(HttpServerOptions options = {}, GrpcServiceOptions limits = {})
      : service_(MakeEcho(limits)),
        cores_(1),
        listener_(Listener::Open("127.0.0.1", 0).value()),
        server_(cores_, service_, std::move(options)) {
    cancelled_tasks = 0;
    CHECK(server_.Listen(listener_).has_value());
  }
  ~EchoServer() {
    Stop(milliseconds(500));
    cores_.Stop();
  }
  uint16_t port() const { return listener_.port(); }
  void Stop(milliseconds drain) { RunSync(server_.Stop(drain)); }
  CorePool& cores() { return cores_; }
  HttpServer& server() { return server_; }

 private:
  const GrpcService service_;
  CorePool cores_;
  Listener listener_;
  HttpServer server_;
};

bool WaitFor(const std::function<bool()>& condition) {
  for (int i = 0; i < 10'000 && !condition(); ++i) std::this_thread::sleep_for(milliseconds(1));
  return condition();
}

TEST(GrpcServer, AnswersUnaryCalls) {
  EchoServer server;
  GrpcRawClient client(server.port());
  for (const size_t size : {size_t{0}, size_t{5}, size_t{4'000}, size_t{100'000}}) {
    const std::string message(size, 'm');
    const GrpcAnswer answer = client.Unary(kEcho, message.substr(0, 15'000));
    EXPECT_EQ(answer.status(), kOk);
    EXPECT_EQ(answer.headers.at(":status"), "200");
    EXPECT_EQ(answer.headers.at("content-type"), "application/grpc");
    EXPECT_EQ(answer.message(), message.substr(0, 15'000));
  }
}

TEST(GrpcServer, AnswersManyCallsOfOneConnection) {
  EchoServer server;
  GrpcRawClient client(server.port());
  for (uint32_t i = 0; i < 500; ++i) client.Call(kEcho, std::to_string(i));
  for (uint32_t i = 0; i < 500; ++i) {
    EXPECT_EQ(client.Wait(2 * i + 1).message(), std::to_string(i));
  }
}

TEST(GrpcServer, TakesMessagesInPieces) {
  EchoServer server;
  GrpcRawClient client(server.port());
  const uint32_t stream = client.next_stream();
  const std::string block = HeaderBlock(CallHeaders(kEcho));
  client.Send(Frame::kHeaders, 0, stream, block.substr(0, 10));
  client.Send(Frame::kContinuation, 0, stream, block.substr(10, 20));
  client.Send(Frame::kContinuation, kEndHeaders, stream, block.substr(30));
  for (const char byte : LengthPrefixed("hello")) {
    client.Send(Frame::kData, 0, stream, std::string(1, byte));
  }
  client.Send(Frame::kData, kEndStream, stream);
  EXPECT_EQ(client.Wait(stream).message(), "hello");
}

TEST(GrpcServer, SendsLargeAnswersAsWindowsOpen) {
  EchoServer server;
  GrpcRawClient client(server.port());
  const uint32_t stream = client.next_stream();
  client.Send(Frame::kHeaders, kEndHeaders, stream, HeaderBlock(CallHeaders(kEcho)));
  std::string message(3 << 20, '\0');
  for (size_t i = 0; i < message.size(); ++i) message[i] = static_cast<char>(i * 7 >> 3);
  const std::string bytes = LengthPrefixed(message);
  // A stream's first window is 1 MiB, and grows with what the prefix announces.
  for (size_t at = 0; at < bytes.size(); at += 16'384) {
    if (at == 16'384 || (at % (1 << 19)) == 0) {
      while (client.Take(milliseconds(20))) {
      }
    }
    client.Send(Frame::kData, at + 16'384 >= bytes.size() ? kEndStream : 0, stream,
                std::string_view(bytes).substr(at, 16'384));
  }
  EXPECT_EQ(client.Wait(stream).message(), message);
}

TEST(GrpcServer, TellsWhatWentWrong) {
  EchoServer server;
  GrpcRawClient client(server.port());
  const GrpcAnswer failed = client.Unary("/test.Echo/Fail", "");
  EXPECT_EQ(failed.status(), 5);
  EXPECT_EQ(failed.headers.at("grpc-message"), "it is 100%25 gone%0A");
  EXPECT_EQ(failed.data, "");
  EXPECT_EQ(client.Unary("/test.Echo/Nothing", "").status(), 13);
  EXPECT_EQ(client.Unary("/test.Echo/Unknown", "").status(), 12);
  EXPECT_EQ(client.Unary("/test.Other/Echo", "").headers.at("grpc-message"),
            "unknown service test.Other");
}

TEST(GrpcServer, RefusesHeadsThatAreNoCall) {
  EchoServer server;
  GrpcRawClient client(server.port());
  const auto answer = [&client](GrpcHeaders headers) {
    const uint32_t stream = client.next_stream();
    client.Send(Frame::kHeaders, kEndHeaders | kEndStream, stream, HeaderBlock(headers));
    return client.Wait(stream);
  };
  GrpcHeaders get = CallHeaders(kEcho);
  get[0].second = "GET";
  EXPECT_EQ(answer(get).headers.at(":status"), "405");
  GrpcHeaders json = CallHeaders(kEcho);
  json[5].second = "application/json";
  EXPECT_EQ(answer(json).headers.at(":status"), "415");
  GrpcHeaders no_te = CallHeaders(kEcho);
  no_te.erase(no_te.begin() + 4);
  EXPECT_EQ(answer(no_te).status(), 3);
  EXPECT_EQ(answer(CallHeaders(kEcho, {{"grpc-timeout", "soon"}})).status(), 3);
  EXPECT_EQ(answer(CallHeaders(kEcho, {{"grpc-encoding", "br"}})).status(), 12);
  EXPECT_EQ(answer(CallHeaders(kEcho)).status(), 3) << "there is no message";
  EXPECT_EQ(answer(CallHeaders(kEcho, {{"grpc-timeout", "0n"}})).status(), 3);
  const GrpcAnswer large = answer(CallHeaders(kEcho, {{"x", std::string(40'000, 'x')}}));
  EXPECT_EQ(large.headers.at(":status"), "431");
  EXPECT_EQ(large.status(), 8);
  EXPECT_EQ(client.Unary(kEcho, "still").message(), "still") << "the connection goes on";
}

TEST(GrpcServer, RefusesMessagesThatAreNone) {
  EchoServer server({}, {.max_message_bytes = 1'000});
  GrpcRawClient client(server.port());
  const auto answer = [&client](std::string_view data, bool ends) {
    const uint32_t stream = client.next_stream();
    client.Send(Frame::kHeaders, kEndHeaders, stream, HeaderBlock(CallHeaders(kEcho)));
    client.Send(Frame::kData, ends ? kEndStream : 0, stream, data);
    return client.Wait(stream);
  };
  EXPECT_EQ(answer(LengthPrefixed(std::string(1'001, 'x')), true).status(), 8);
  EXPECT_EQ(answer(LengthPrefixed("ab").substr(0, 6), true).status(), 3);
  EXPECT_EQ(answer(LengthPrefixed("ab") + LengthPrefixed("c"), true).status(), 3);
  EXPECT_EQ(answer(LengthPrefixed("ab", true), true).status(), 3) << "compressed by nothing";
  EXPECT_EQ(answer(std::string("\7\0\0\0\0", 5), true).status(), 3);
  // The client is told before it has sent all that it announced, and need not send the rest.
  const GrpcAnswer early = answer(std::string("\0\x7f\0\0\0", 5), false);
  EXPECT_EQ(early.status(), 8);
  EXPECT_EQ(client.Unary(kEcho, "still").message(), "still");
}

TEST(GrpcServer, CompressesForThoseWhoDo) {
  EchoServer server;
  GrpcRawClient client(server.port());
  std::string packed(10'000, 'x');
  ASSERT_TRUE(CompressMessage(ContentCoding::kGzip, 0, packed));
  const uint32_t stream = client.next_stream();
  client.Send(Frame::kHeaders, kEndHeaders, stream,
              HeaderBlock(CallHeaders(
                  kEcho, {{"grpc-encoding", "gzip"}, {"grpc-accept-encoding", "identity,gzip"}})));
  client.Send(Frame::kData, kEndStream, stream, LengthPrefixed(packed, true));
  const GrpcAnswer answer = client.Wait(stream);
  EXPECT_EQ(answer.headers.at("grpc-encoding"), "gzip");
  EXPECT_EQ(answer.data[0], 1);
  EXPECT_LT(answer.data.size(), 200u);
  // A small packet that stands for more than a message may have.
  std::string bomb(65 << 20, '\0');
  ASSERT_TRUE(CompressMessage(ContentCoding::kGzip, 0, bomb));
  const uint32_t second = client.next_stream();
  client.Send(Frame::kHeaders, kEndHeaders, second,
              HeaderBlock(CallHeaders(kEcho, {{"grpc-encoding", "gzip"}})));
  const std::string framed = LengthPrefixed(bomb, true);
  for (size_t at = 0; at < framed.size(); at += 16'384) {
    client.Send(Frame::kData, at + 16'384 >= framed.size() ? kEndStream : 0, second,
                std::string_view(framed).substr(at, 16'384));
  }
  EXPECT_EQ(client.Wait(second).status(), 8);
}

TEST(GrpcServer, ServesStreams) {
  EchoServer server;
  GrpcRawClient client(server.port());
  const uint32_t stream = client.next_stream();
  client.Send(Frame::kHeaders, kEndHeaders, stream, HeaderBlock(CallHeaders("/test.Echo/Stream")));
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    const std::string message = LengthPrefixed(std::to_string(i));
    expected += message;
    client.Send(Frame::kData, 0, stream, message);
  }
  while (client.answer(stream).data.size() < expected.size() && client.Take()) {
  }
  EXPECT_EQ(client.answer(stream).data, expected);
  EXPECT_FALSE(client.answer(stream).ended);
  client.Send(Frame::kData, kEndStream, stream, LengthPrefixed("x").substr(0, 3));
  EXPECT_EQ(client.Wait(stream).status(), 3) << "it ends in the middle of a message";
  const uint32_t good = client.next_stream();
  client.Send(Frame::kHeaders, kEndHeaders, good, HeaderBlock(CallHeaders("/test.Echo/Stream")));
  client.Send(Frame::kData, kEndStream, good, LengthPrefixed("a") + LengthPrefixed("b"));
  EXPECT_EQ(client.Wait(good).data, LengthPrefixed("a") + LengthPrefixed("b"));
  EXPECT_EQ(client.Wait(good).status(), kOk);
}

TEST(GrpcServer, CancelsTheTaskOfACallThatIsReset) {
  EchoServer server;
  GrpcRawClient client(server.port());
  const uint32_t forever = client.Call("/test.Echo/Forever", "");
  EXPECT_EQ(client.Unary(kEcho, "x").message(), "x");
  client.Send(Frame::kReset, 0, forever, BigEndian32(8));
  EXPECT_TRUE(WaitFor([] { return cancelled_tasks == 1; }));
  const uint32_t stream = client.next_stream();
  client.Send(Frame::kHeaders, kEndHeaders, stream, HeaderBlock(CallHeaders("/test.Echo/Stream")));
  client.Send(Frame::kReset, 0, stream, BigEndian32(8));
  EXPECT_TRUE(WaitFor([] { return cancelled_tasks == 2; }));
  client.Call("/test.Echo/Forever", "");
  client.Unary(kEcho, "x");
  client.raw().Reset();
  EXPECT_TRUE(WaitFor([] { return cancelled_tasks == 3; })) << "the connection broke off";
}

TEST(GrpcServer, CancelsTheTaskOfACallThatHasFailed) {
  EchoServer server;
  GrpcRawClient client(server.port());
  const uint32_t watch = client.next_stream();
  client.Send(Frame::kHeaders, kEndHeaders, watch, HeaderBlock(CallHeaders("/test.Echo/Watch")));
  client.Send(Frame::kData, 0, watch, LengthPrefixed("a"));
  client.Unary("/test.Echo/Slow", "the message is read meanwhile");
  client.Send(Frame::kData, 0, watch, std::string("\2\0\0\0\0", 5));
  EXPECT_EQ(client.Wait(watch).status(), 3);
  EXPECT_TRUE(WaitFor([] { return cancelled_tasks == 1; }));
  const uint32_t linger = client.next_stream();
  client.Send(Frame::kHeaders, kEndHeaders, linger, HeaderBlock(CallHeaders("/test.Echo/Linger")));
  EXPECT_EQ(client.Wait(linger).status(), 5);
  EXPECT_TRUE(WaitFor([] { return cancelled_tasks == 2; }));
}

TEST(GrpcServer, EndsCallsAtTheirDeadline) {
  EchoServer server;
  GrpcRawClient client(server.port());
  EXPECT_EQ(client.Unary("/test.Echo/Forever", "", {{"grpc-timeout", "50m"}}).status(), 4);
  EXPECT_TRUE(WaitFor([] { return cancelled_tasks == 1; }));
  EXPECT_EQ(client.Unary(kEcho, "x", {{"grpc-timeout", "0n"}}).status(), 4);
}

TEST(GrpcServer, StopLetsCallsEndAndTellsTheClient) {
  EchoServer server;
  GrpcRawClient client(server.port());
  GrpcRawClient idle(server.port());
  EXPECT_EQ(idle.Unary(kEcho, "x").message(), "x");
  const uint32_t slow = client.Call("/test.Echo/Slow", "slow");
  client.Unary(kEcho, "x");
  server.Stop(std::chrono::seconds(20));
  EXPECT_EQ(client.Wait(slow).message(), "slow");
  EXPECT_TRUE(client.AtEnd());
  EXPECT_EQ(client.goaways(), 2) << "a warning, and the last call that is taken";
  EXPECT_TRUE(idle.AtEnd());
  EXPECT_FALSE(client.raw().was_reset() || idle.raw().was_reset());
}

TEST(GrpcServer, StopEndsOpenStreams) {
  EchoServer server;
  GrpcRawClient client(server.port());
  const uint32_t stream = client.next_stream();
  client.Send(Frame::kHeaders, kEndHeaders, stream, HeaderBlock(CallHeaders("/test.Echo/Stream")));
  client.Send(Frame::kData, 0, stream, LengthPrefixed("a"));
  while (client.answer(stream).data.empty() && client.Take()) {
  }
  server.Stop(std::chrono::seconds(20));
  EXPECT_EQ(client.Wait(stream).status(), 14);
}

TEST(GrpcServer, SpeaksToThoseWhoSpeakHttp1) {
  EchoServer server;
  RawClient client(server.port());
  const RawResponse response = client.Exchange(GetRequest("/"));
  EXPECT_EQ(response.status, 400);
  EXPECT_NE(response.body.find("gRPC"), std::string::npos);
  EXPECT_TRUE(client.AtEnd());
  RawClient noise(server.port());
  noise.Send(std::string("\x16\x03\x01\x02\x00", 5) + std::string(500, 'x'));
  EXPECT_EQ(noise.ReceiveAll(), "");
}

// What asks for work and brings none ends the connection, and no other.
class GrpcFlood : public testing::TestWithParam<std::pair<const char*, std::string>> {};

TEST_P(GrpcFlood, IsToldToCalmDown) {
  EchoServer server;
  GrpcRawClient good(server.port());
  EXPECT_EQ(good.Unary(kEcho, "x").message(), "x");
  GrpcRawClient client(server.port());
  const uint32_t stream = client.next_stream();
  client.Send(Frame::kHeaders, kEndHeaders, stream, HeaderBlock(CallHeaders("/test.Echo/Stream")));
  std::string flood;
  for (int i = 0; i < 200; ++i) flood += GetParam().second;
  for (int i = 0; i < 100 && client.raw().Send(flood); ++i) {
  }
  const std::optional<uint32_t> code = client.WaitForGoAway();
  if (code.has_value()) EXPECT_EQ(*code, 11u) << client.goaway_text();
  // A client that does not stop sending may lose what it was told: then it is cut off.
  EXPECT_TRUE(code.has_value() || client.AtEnd() || client.raw().was_reset());
  EXPECT_EQ(good.Unary(kEcho, "y").message(), "y");
}

INSTANTIATE_TEST_SUITE_P(
    Frames, GrpcFlood,
    testing::Values(std::pair("Ping", MakeFrame(Frame::kPing, 0, 0, "12345678")),
                    std::pair("Settings", MakeFrame(Frame::kSettings, 0, 0, "")),
                    std::pair("EmptyData", MakeFrame(Frame::kData, 0, 1, "")),
                    std::pair("TinyWindow", MakeFrame(Frame::kWindowUpdate, 0, 1, BigEndian32(1)))),
    [](const auto& info) { return std::string(info.param.first); });

TEST(GrpcServer, RapidResetIsToldToCalmDown) {
  EchoServer server;
  GrpcRawClient client(server.port());
  const std::string block = HeaderBlock(CallHeaders("/test.Echo/Forever"));
  for (int i = 0; i < 20'000; ++i) {
    const uint32_t stream = client.next_stream();
    if (!client.raw().Send(MakeFrame(Frame::kHeaders, kEndHeaders | kEndStream, stream, block) +
                           MakeFrame(Frame::kReset, 0, stream, BigEndian32(8)))) {
      break;
    }
  }
  const std::optional<uint32_t> code = client.WaitForGoAway();
  if (code.has_value()) EXPECT_EQ(*code, 11u);
  EXPECT_TRUE(code.has_value() || client.AtEnd() || client.raw().was_reset());
}

TEST(GrpcServer, EndlessHeadsEndTheConnection) {
  EchoServer server;
  GrpcRawClient client(server.port());
  client.Send(Frame::kHeaders, 0, 1, HeaderBlock(CallHeaders(kEcho)));
  const std::string more = MakeFrame(Frame::kContinuation, 0, 1, HeaderBlock({{"a", "b"}}));
  bool open = true;
  for (int i = 0; i < 100'000 && open; ++i) open = client.raw().Send(more);
  client.AtEnd();
  EXPECT_FALSE(client.raw().Send(more) && client.raw().Send(more) && open);
}

TEST(GrpcServer, SlowClientsAreEnded) {
  HttpServerOptions options;
  options.head_timeout = milliseconds(200);
  options.body_timeout = milliseconds(200);
  options.write_timeout = milliseconds(200);
  options.idle_timeout = milliseconds(400);
  EchoServer server(options);
  // Nothing at all, half a preface, half a head.
  GrpcRawClient silent(server.port(), false);
  EXPECT_TRUE(silent.AtEnd());
  GrpcRawClient half(server.port(), false);
  half.raw().Send("PRI * HTTP/2.0\r\n");
  EXPECT_TRUE(half.AtEnd());
  GrpcRawClient head(server.port());
  head.Unary(kEcho, "x");
  head.Send(Frame::kHeaders, 0, head.next_stream(), HeaderBlock(CallHeaders(kEcho)));
  EXPECT_EQ(head.WaitForGoAway(), 11u);
  // A message that does not go on, and an answer that is not taken.
  GrpcRawClient body(server.port());
  body.Send(Frame::kHeaders, kEndHeaders, 1, HeaderBlock(CallHeaders(kEcho)));
  body.Send(Frame::kData, 0, 1, LengthPrefixed("abc").substr(0, 6));
  EXPECT_EQ(body.Wait(1).status(), 4);
  GrpcRawClient reader(server.port(), true, std::string("\0\4\0\0\0\0", 6));
  const uint32_t unread = reader.Call(kEcho, "abc");
  EXPECT_EQ(reader.Wait(unread).reset, 11u);
  // Nobody calls: the connection ends in order.
  EXPECT_TRUE(reader.AtEnd());
  EXPECT_FALSE(reader.raw().was_reset());
}

class Budget final : public MemoryBudget {
 public:
  explicit Budget(uint64_t limit) : limit_(limit) {}
  bool Take(uint64_t bytes) override {
    if (used.fetch_add(bytes) + bytes <= limit_) return true;
    used -= bytes;
    return false;
  }
  void Give(uint64_t bytes) override { used -= bytes; }
  std::atomic<uint64_t> used{0};

 private:
  const uint64_t limit_;
};

TEST(GrpcServer, StreamsThatWaitHoldNoMemory) {
  Budget budget(16 << 20);
  EchoServer server({}, {.memory = &budget});
  GrpcRawClient client(server.port());
  client.Unary(kEcho, "x");
  const uint32_t stream = client.next_stream();
  client.Send(Frame::kHeaders, kEndHeaders, stream, HeaderBlock(CallHeaders("/test.Echo/Stream")));
  const std::string bytes = LengthPrefixed(std::string(900 << 10, 'x'));
  for (size_t i = 1; i < 4; ++i) {
    for (size_t at = 0; at < bytes.size(); at += 16'384) {
      client.Send(Frame::kData, 0, stream, std::string_view(bytes).substr(at, 16'384));
    }
    while (client.answer(stream).data.size() < i * bytes.size() && client.Take()) {
    }
    EXPECT_EQ(client.answer(stream).data.size(), i * bytes.size());
    EXPECT_TRUE(WaitFor([&] { return budget.used == 0; })) << budget.used;
  }
}

TEST(GrpcServer, MethodsMayTakeLess) {
  EchoServer server;
  GrpcRawClient client(server.port());
  const auto begin = [&client] {
    const uint32_t stream = client.next_stream();
    client.Send(Frame::kHeaders, kEndHeaders, stream, HeaderBlock(CallHeaders("/test.Echo/Small")));
    return stream;
  };
  const uint32_t large = begin();
  client.Send(Frame::kData, 0, large, LengthPrefixed(std::string(101, 'x')));
  EXPECT_EQ(client.Wait(large).status(), 8);
  const uint32_t good = begin();
  client.Send(Frame::kData, kEndStream, good, LengthPrefixed(std::string(100, 'x')));
  EXPECT_EQ(client.Wait(good).data, LengthPrefixed(std::string(100, 'x')));
}

TEST(GrpcServer, AHeadThatIsWrongCostsOneCall) {
  HttpServerOptions options;
  options.head_timeout = milliseconds(200);
  EchoServer server(options);
  GrpcRawClient client(server.port());
  const uint32_t bad = client.next_stream();
  client.Send(Frame::kHeaders, kEndHeaders | kEndStream, bad,
              HeaderBlock(CallHeaders(kEcho, {{"Upper", "x"}})));
  EXPECT_TRUE(client.Wait(bad).reset.has_value());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Unary("/test.Echo/Slow", "x").message(), "x");
  EXPECT_EQ(client.goaways(), 0);
}

TEST(GrpcServer, MemoryIsCountedAndGivenBack) {
  Budget budget(1 << 20);
  {
    EchoServer server({}, {.memory = &budget});
    GrpcRawClient client(server.port());
    client.Unary(kEcho, "x");  // its windows are known now
    // Two messages of 900 KiB, each held open before its end: there is room for one.
    const std::string bytes = LengthPrefixed(std::string(900 << 10, 'x'));
    std::vector<uint32_t> streams;
    for (int i = 0; i < 2; ++i) {
      streams.push_back(client.next_stream());
      client.Send(Frame::kHeaders, kEndHeaders, streams.back(), HeaderBlock(CallHeaders(kEcho)));
      for (size_t at = 0; at + 16'384 < bytes.size(); at += 16'384) {
        client.Send(Frame::kData, 0, streams.back(), std::string_view(bytes).substr(at, 16'384));
      }
    }
    EXPECT_EQ(client.Wait(streams[1]).status(), 8);
    client.raw().Reset();
    EXPECT_TRUE(WaitFor([&] { return budget.used == 0; })) << budget.used;
  }
  EXPECT_EQ(budget.used, 0u);
}

}  // namespace
}  // namespace slipway::net
