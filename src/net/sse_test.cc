#include "net/sse.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "async/deadline.h"
#include "net/limits.h"
#include "net/testing/test_server.h"

namespace slipway::net {
namespace {

std::vector<std::string> Parse(std::string_view stream, size_t piece) {
  SseParser parser;
  std::vector<std::string> events;
  for (size_t at = 0; at < stream.size(); at += piece) {
    const Result<void> fed =
        parser.Feed(stream.substr(at, piece), [&events](const SseEvent& event) -> Result<void> {
          events.push_back(event.type + "|" + event.id + "|" + event.data);
          return {};
        });
    EXPECT_TRUE(fed.has_value());
  }
  return events;
}

TEST(SseTest, WhatIsFormattedIsParsed) {
  const std::string stream = FormatSse({.type = "added", .id = "7", .data = "{\"a\":1}"}) +
                             std::string(kSseHeartbeat) +
                             FormatSse({.type = "", .id = "", .data = "two\nlines\r\nor\rmore\n"}) +
                             FormatSse({.type = "a\nb", .id = "8", .data = ""});
  for (size_t piece = 1; piece <= stream.size(); ++piece) {
    EXPECT_EQ(Parse(stream, piece),
              (std::vector<std::string>{"added|7|{\"a\":1}", "message|7|two\nlines\nor\nmore\n",
                                        "a b|8|"}));
  }
}

TEST(SseTest, LineEndsOfEveryKind) {
  const std::string stream =
      "data: a\r\n\r\ndata:b\r\rdata\n\nevent: x\n\n: comment\nid: 3\nfoo: 1\n"
      "data:  c\n\ndata: unfinished\n";
  for (size_t piece = 1; piece <= stream.size(); ++piece) {
    EXPECT_EQ(Parse(stream, piece),
              (std::vector<std::string>{"message||a", "message||b", "message||", "message|3| c"}))
        << piece;
  }
}

TEST(SseTest, EndlessEvent) {
  SseParser parser;
  const std::string piece(1 << 20, 'x');
  Result<void> fed;
  for (size_t i = 0; i <= kMaxSseEventBytes >> 20 && fed.has_value(); ++i) {
    fed = parser.Feed(i % 2 == 0 ? piece : "\ndata: " + piece,
                      [](const SseEvent&) -> Result<void> { return {}; });
  }
  ASSERT_FALSE(fed.has_value());
  EXPECT_EQ(fed.error().reason(), "EVENT_TOO_LARGE");
}

Task<void> WriteEvents(StreamWriter* writer) {
  for (int i = 1; i <= 3; ++i) {
    co_await writer->Write(kSseHeartbeat);
    co_await writer->Write(
        FormatSse({.type = "tick", .id = std::to_string(i), .data = "d" + std::to_string(i)}));
    co_await SleepFor(std::chrono::milliseconds(1));
  }
}

Task<HttpResponse> Events(HttpRequest& request) {
  if (request.path == "/text") co_return HttpResponse::Text(200, "no events");
  if (request.path != "/events") co_return ProblemResponse(NotFound("THING_UNKNOWN", "no"));
  co_return SseResponse([](StreamWriter& writer) { return WriteEvents(&writer); });
}

TEST(SseTest, OverHttp) {
  TestServer server(Events);
  HttpClient client;
  std::string seen;
  const auto on_event = [&seen](const SseEvent& event) -> Result<void> {
    seen += event.type + event.id + event.data + " ";
    if (event.id == "2" && seen.size() > 100) return FailedPrecondition("ENOUGH", "enough");
    return {};
  };
  const auto on_refusal = [](const ClientResponse& response) {
    return NotFound("REFUSED", std::to_string(response.status) + response.body.substr(0, 9));
  };
  ClientRequest request;
  request.url = server.Url("/events");
  EXPECT_TRUE(ReadSse(client, request, on_event, on_refusal).has_value());
  EXPECT_EQ(seen, "tick1d1 tick2d2 tick3d3 ");
  seen.resize(100, '.');
  EXPECT_EQ(ReadSse(client, request, on_event, on_refusal).error().reason(), "ENOUGH");
  request.url = server.Url("/none");
  EXPECT_EQ(ReadSse(client, request, on_event, on_refusal).error().message().substr(0, 3), "404");
  request.url = server.Url("/text");
  EXPECT_EQ(ReadSse(client, request, on_event, on_refusal).error().message(), "200no events");
}

}  // namespace
}  // namespace slipway::net
