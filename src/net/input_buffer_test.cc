#include "net/input_buffer.h"

#include <algorithm>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "net/limits.h"

namespace slipway::net {
namespace {

constexpr size_t kHeadBytes = 200;

// A request whose body is longer than any buffer: reads take all the room that there is.
void TakeLargeRequest(InputBuffer& buffer) {
  buffer.Grow(kMinBodyRoomBytes);
  std::memset(buffer.room(), 'x', buffer.room_bytes());
  buffer.Commit(buffer.room_bytes());
  buffer.GrowForBody(kHeadBytes);
  buffer.BeginBody(kHeadBytes);
  buffer.Consume(buffer.unread().size());
  buffer.FinishRequest();
}

TEST(InputBuffer, DoesNotGrowWithTheBodiesThatAConnectionBrings) {
  InputBuffer buffer;
  for (int i = 0; i < 100; ++i) TakeLargeRequest(buffer);
  EXPECT_EQ(buffer.capacity(), kMaxReadAheadBytes);
}

TEST(InputBuffer, FollowsRequestsThatFitIntoIt) {
  InputBuffer buffer;
  constexpr size_t kRequestBytes = 10'000;
  for (int i = 0; i < 3; ++i) {
    buffer.Grow(kMinBodyRoomBytes);
    buffer.Commit(std::min(kRequestBytes, buffer.room_bytes()));
    buffer.GrowForBody(kHeadBytes);
    buffer.BeginBody(kHeadBytes);
    buffer.Consume(buffer.unread().size());
    buffer.FinishRequest();
  }
  buffer.Grow(kMinBodyRoomBytes);
  EXPECT_GE(buffer.room_bytes(), kRequestBytes);
}

TEST(InputBuffer, HasRoomForABodyBehindTheLongestHead) {
  for (const size_t head : {kHeadBytes, kMaxReadAheadBytes, size_t{40'000}}) {
    InputBuffer buffer;
    for (int i = 0; i < 3; ++i) {
      buffer.Grow(head);
      std::memset(buffer.room(), 'a' + i, head);
      buffer.Commit(head);
      buffer.GrowForBody(head);
      EXPECT_EQ(buffer.unread(), std::string(head, static_cast<char>('a' + i)));
      buffer.BeginBody(head);
      buffer.RewindBody();
      EXPECT_GE(buffer.room_bytes(), kMinBodyRoomBytes) << head;
      buffer.FinishRequest();
    }
  }
}

TEST(InputBuffer, KeepsWhatFollowsTheHead) {
  InputBuffer buffer;
  for (int i = 0; i < 10; ++i) TakeLargeRequest(buffer);
  buffer.Grow(kMinBodyRoomBytes);
  const std::string text = std::string(kHeadBytes, 'h') + std::string(buffer.room_bytes(), 'b');
  const size_t whole = buffer.room_bytes();
  std::memcpy(buffer.room(), text.data(), whole);
  buffer.Commit(whole);
  buffer.GrowForBody(kHeadBytes);
  buffer.BeginBody(kHeadBytes);
  EXPECT_EQ(buffer.unread(), std::string(whole - kHeadBytes, 'b'));
}

}  // namespace
}  // namespace slipway::net
