#include "cli/sse.h"

#include <gtest/gtest.h>

namespace slipway::cli {
namespace {

std::vector<SseEvent> Parse(std::string_view stream, size_t piece_size) {
  SseParser parser;
  std::vector<SseEvent> all;
  for (size_t i = 0; i < stream.size(); i += piece_size) {
    Result<std::vector<SseEvent>> events = parser.Feed(stream.substr(i, piece_size));
    EXPECT_TRUE(events.has_value());
    all.insert(all.end(), events->begin(), events->end());
  }
  return all;
}

TEST(SseParser, GivesTheSameEventsForPiecesOfAnySize) {
  const std::string_view stream =
      ": hello\n\nevent: added\nid: 7\ndata: {\"a\":1}\n\nevent: modified\r\nid:8\r\ndata:x\r\n"
      "data: y\r\n\r\ndata: left";
  for (size_t size : {size_t{1}, size_t{2}, size_t{7}, stream.size()}) {
    std::vector<SseEvent> events = Parse(stream, size);
    ASSERT_EQ(events.size(), 2u) << size;
    EXPECT_EQ(events[0].type, "added");
    EXPECT_EQ(events[0].id, "7");
    EXPECT_EQ(events[0].data, "{\"a\":1}");
    EXPECT_EQ(events[1].type, "modified");
    EXPECT_EQ(events[1].id, "8");
    EXPECT_EQ(events[1].data, "x\ny");
  }
}

TEST(SseParser, AnEventWithoutDataIsNone) {
  EXPECT_TRUE(Parse("event: added\nid: 3\n\n", 4).empty());
}

TEST(SseParser, TheIdStaysUntilTheNextOne) {
  std::vector<SseEvent> events = Parse("id: 3\ndata: a\n\ndata: b\n\n", 100);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].id, "3");
  EXPECT_EQ(events[1].type, "message");
}

TEST(SseParser, RefusesAnEndlessEvent) {
  SseParser parser;
  std::string piece(1 << 20, 'x');
  Result<std::vector<SseEvent>> last = parser.Feed("data: ");
  for (int i = 0; i < 9 && last.has_value(); ++i) last = parser.Feed(piece);
  ASSERT_FALSE(last.has_value());
  EXPECT_EQ(last.error().code(), Code::kResourceExhausted);
  EXPECT_EQ(last.error().reason(), "EVENT_TOO_LARGE");
}

}  // namespace
}  // namespace slipway::cli
