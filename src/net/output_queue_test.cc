#include "net/output_queue.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace slipway::net {
namespace {

std::string Pending(const OutputQueue& queue) {
  std::array<iovec, 16> buffers;
  std::string out;
  for (const iovec& buffer : queue.Buffers(buffers)) {
    out.append(static_cast<const char*>(buffer.iov_base), buffer.iov_len);
  }
  return out;
}

TEST(OutputQueue, KeepsTheOrderOfOwnAndReferredBytes) {
  const std::string large = "LARGE";
  OutputQueue queue;
  queue.Append("ab");
  queue.Append("c");
  queue.Refer(large);
  queue.Append("d");
  EXPECT_EQ(Pending(queue), "abcLARGEd");
  EXPECT_EQ(queue.pending_bytes(), 9u);
  for (const char* left : {"bcLARGEd", "cLARGEd", "LARGEd", "ARGEd"}) {
    queue.Consume(1);
    EXPECT_EQ(Pending(queue), left);
  }
  queue.Consume(4);
  EXPECT_EQ(Pending(queue), "d");
  queue.Consume(1);
  EXPECT_TRUE(queue.empty());
  queue.Append("again");
  EXPECT_EQ(Pending(queue), "again");
}

TEST(OutputQueue, KeepsWhatIsHandedOver) {
  OutputQueue queue;
  std::string answer(1'000, 'x');
  queue.Refer(answer);
  queue.Retain(std::move(answer));
  answer = "something else";
  EXPECT_EQ(Pending(queue), std::string(1'000, 'x'));
}

TEST(OutputQueue, GivesAsManyBuffersAsFit) {
  OutputQueue queue;
  const std::string text = "x";
  for (int i = 0; i < 10; ++i) queue.Refer(text);
  std::array<iovec, 4> buffers;
  EXPECT_EQ(queue.Buffers(buffers).size(), 4u);
  queue.Consume(7);
  EXPECT_EQ(queue.Buffers(buffers).size(), 3u);
}

}  // namespace
}  // namespace slipway::net
