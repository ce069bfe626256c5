#include "net/grpc_message.h"

#include <string>

#include <gtest/gtest.h>

#include "net/grpc_compression.h"
#include "net/limits.h"

namespace slipway::net {
namespace {

constexpr size_t kLimit = 1 << 20;

std::string Framed(std::string_view message, bool compressed = false) {
  std::string out(kGrpcPrefixBytes, '\0');
  WriteGrpcPrefix(compressed, message.size(), out.data());
  return out.append(message);
}

class FixedBudget final : public MemoryBudget {
 public:
  explicit FixedBudget(uint64_t bytes) : left_(bytes) {}
  bool Take(uint64_t bytes) override {
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }
  void Give(uint64_t bytes) override { left_ += bytes; }
  uint64_t left() const { return left_; }

 private:
  uint64_t left_;
};

TEST(MessageReader, ReadsMessagesInAnyPieces) {
  const std::string first(100, 'a');
  const std::string bytes = Framed(first) + Framed("") + Framed("b", true);
  for (size_t piece = 1; piece < bytes.size(); piece += 7) {
    MessageReader reader;
    std::vector<std::string> seen;
    std::string_view rest = bytes;
    while (!rest.empty()) {
      const auto took = reader.Feed(rest.substr(0, piece), kLimit, nullptr);
      ASSERT_TRUE(took.has_value());
      rest.remove_prefix(*took);
      if (!reader.complete()) continue;
      seen.push_back((reader.is_compressed() ? "!" : "") + std::string(reader.message().text()));
      reader.Next();
    }
    EXPECT_EQ(seen, (std::vector<std::string>{first, "", "!b"})) << piece;
    EXPECT_TRUE(reader.at_start());
  }
}

TEST(MessageReader, StopsAtTheEndOfAMessage) {
  MessageReader reader;
  const std::string bytes = Framed("abc");
  EXPECT_EQ(reader.Feed(bytes + "more", kLimit, nullptr).value(), bytes.size());
  EXPECT_TRUE(reader.complete());
}

TEST(MessageReader, RefusesWhatIsTooLargeBeforeItComes) {
  MessageReader reader;
  const auto read = reader.Feed(std::string_view("\0\xff\xff\xff\xff", 5), kLimit, nullptr);
  ASSERT_TRUE(read.has_error());
  EXPECT_EQ(read.error().code(), Code::kResourceExhausted);
  EXPECT_EQ(read.error().reason(), "MESSAGE_TOO_LARGE");
  MessageReader other;
  const auto flag = other.Feed(std::string_view("\2\0\0\0\0", 5), kLimit, nullptr);
  ASSERT_TRUE(flag.has_error());
  EXPECT_EQ(flag.error().reason(), "MESSAGE_MALFORMED");
}

TEST(MessageReader, TakesMemoryAsBytesArrive) {
  FixedBudget budget(kLimit);
  {
    MessageReader reader;
    const std::string bytes = Framed(std::string(kLimit, 'x'));
    ASSERT_TRUE(reader.Feed(std::string_view(bytes).substr(0, 6), kLimit, &budget).has_value());
    EXPECT_GE(budget.left(), kLimit - kFirstMessageBytes);
    ASSERT_TRUE(reader.Feed(std::string_view(bytes).substr(6), kLimit, &budget).has_value());
    EXPECT_EQ(budget.left(), 0u);
    EXPECT_EQ(reader.message().text(), std::string(kLimit, 'x'));
    MessageReader second;
    const auto refused = second.Feed(bytes, kLimit, &budget);
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().reason(), "BODIES_TOO_MANY");
    reader.Recycle();
    EXPECT_EQ(budget.left(), kLimit);
    ASSERT_TRUE(reader.Feed(bytes, kLimit, &budget).has_value());
  }
  EXPECT_EQ(budget.left(), kLimit) << "what is destroyed gives back";
}

TEST(MessageReader, AlignsTheEndOfALargeMessage) {
  for (const size_t size : {size_t{70'001}, size_t{1} << 20}) {
    MessageReader reader;
    const std::string bytes = Framed(std::string(size, 'x'));
    for (size_t at = 0; at < bytes.size(); at += 10'000) {
      ASSERT_TRUE(
          reader.Feed(std::string_view(bytes).substr(at, 10'000), 1 << 20, nullptr).has_value());
    }
    const std::string_view text = reader.message().text();
    EXPECT_EQ(text, std::string(size, 'x'));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(text.data() + text.size()) % 64, 0u);
  }
}

TEST(MessageBuffer, HasReadablePadding) {
  MessageReader reader;
  ASSERT_TRUE(reader.Feed(Framed("abc"), kLimit, nullptr).has_value());
  const char* const end = reader.message().text().data() + reader.message().size();
  int sum = 0;
  for (size_t i = 0; i < kBufferPadding; ++i) sum += end[i] != 0 ? 1 : 0;
  EXPECT_GE(sum, 0) << "a sanitizer would have said that it is not";
}

class Coding : public testing::TestWithParam<ContentCoding> {};

TEST_P(Coding, ComesBack) {
  std::string text = "head";
  const std::string message(50'000, 'm');
  text += message;
  ASSERT_TRUE(CompressMessage(GetParam(), 4, text));
  EXPECT_LT(text.size(), 1'000u);
  MessageBuffer out;
  const std::string_view packed = std::string_view(text).substr(4);
  ASSERT_TRUE(DecompressMessage(GetParam(), packed, kLimit, nullptr, out).has_value());
  EXPECT_EQ(out.text(), message);
}

TEST_P(Coding, LeavesWhatDoesNotShrink) {
  std::string text = "abc";
  EXPECT_FALSE(CompressMessage(GetParam(), 0, text));
  EXPECT_EQ(text, "abc");
}

TEST_P(Coding, IsBounded) {
  std::string text(kLimit + 1, '\0');
  ASSERT_TRUE(CompressMessage(GetParam(), 0, text));
  MessageBuffer out;
  const auto refused = DecompressMessage(GetParam(), text, kLimit, nullptr, out);
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().reason(), "MESSAGE_TOO_LARGE");
}

TEST_P(Coding, RefusesWhatIsDamaged) {
  std::string text(1'000, 'x');
  ASSERT_TRUE(CompressMessage(GetParam(), 0, text));
  for (const std::string& bad :
       {std::string("abc"), text.substr(0, text.size() - 1), text + "x", std::string()}) {
    MessageBuffer out;
    EXPECT_TRUE(DecompressMessage(GetParam(), bad, kLimit, nullptr, out).has_error());
  }
}

INSTANTIATE_TEST_SUITE_P(Grpc, Coding,
                         testing::Values(ContentCoding::kGzip, ContentCoding::kDeflate));

}  // namespace
}  // namespace slipway::net
