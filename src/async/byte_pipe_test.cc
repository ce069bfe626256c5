#include "async/byte_pipe.h"

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"

namespace slipway {
namespace {

std::string Pattern(size_t size) {
  std::string out(size, '\0');
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>((i * 7 + i / 251) & 0xff);
  return out;
}

// Fetches `content` in pieces; `outcome` says how each run ends.
class Producer {
 public:
  Producer(BytePipe& pipe, const std::string& content,
           std::function<Result<void>(size_t run)> outcome = {})
      : thread_([this, &pipe, &content, outcome = std::move(outcome)] {
          while (const auto start = pipe.NextStart()) {
            starts.push_back(*start);
            Result<void> done;
            for (size_t at = *start; at < content.size() && done; at += 13) {
              done = pipe.Write(std::string_view(content).substr(at, 13));
            }
            if (done && outcome) done = outcome(starts.size());
            pipe.Finish(done);
          }
        }) {}
  ~Producer() {
    if (thread_.joinable()) thread_.join();
  }
  void Join() { thread_.join(); }

  std::vector<uint64_t> starts;

 private:
  std::thread thread_;
};

Result<std::string> ReadFrom(BytePipe& pipe, uint64_t offset, size_t piece, size_t limit) {
  std::string out;
  std::string buffer(piece, '\0');
  while (out.size() < limit) {
    TRY(count, pipe.Read(offset + out.size(), buffer.data(), std::min(piece, limit - out.size())));
    if (count == 0) break;
    out.append(buffer.data(), count);
  }
  return out;
}

TEST(BytePipe, BytesArriveInOrderThroughASmallBuffer) {
  const std::string content = Pattern(10'000);
  for (const size_t capacity : {size_t{1}, size_t{7}, size_t{4096}, size_t{100'000}}) {
    BytePipe pipe(capacity);
    Producer producer(pipe, content);
    EXPECT_EQ(ReadFrom(pipe, 0, 100, SIZE_MAX).value(), content);
    EXPECT_THAT(pipe.AwaitEnd(), IsOk());
    pipe.Close();
    producer.Join();
    EXPECT_EQ(producer.starts, std::vector<uint64_t>{0});
  }
}

TEST(BytePipe, AnotherOffsetBeginsAnew) {
  const std::string content = Pattern(5'000);
  BytePipe pipe(64);
  Producer producer(pipe, content);
  ASSERT_EQ(ReadFrom(pipe, 0, 50, 200).value(), content.substr(0, 200));
  EXPECT_EQ(ReadFrom(pipe, 120, 50, SIZE_MAX).value(), content.substr(120));
  EXPECT_EQ(ReadFrom(pipe, 4'990, 50, SIZE_MAX).value(), content.substr(4'990));
  pipe.Close();
  producer.Join();
  EXPECT_EQ(producer.starts, (std::vector<uint64_t>{0, 120, 4'990}));
}

TEST(BytePipe, AFailureComesAfterTheBytesBeforeItAndMayBeTriedAgain) {
  const std::string content = Pattern(300);
  BytePipe pipe(64);
  Producer producer(pipe, content, [](size_t run) -> Result<void> {
    return run == 1 ? Result<void>(Unavailable("LOST", "the line was cut")) : Result<void>();
  });
  ASSERT_EQ(ReadFrom(pipe, 0, 50, 300).value(), content);
  EXPECT_THAT(pipe.AwaitEnd(), IsError(Code::kUnavailable, "LOST"));
  char byte = 0;
  EXPECT_EQ(pipe.Read(300, &byte, 1).value(), 0U);
  EXPECT_THAT(pipe.AwaitEnd(), IsOk());
  pipe.Close();
  producer.Join();
  EXPECT_EQ(producer.starts, (std::vector<uint64_t>{0, 300}));
}

TEST(BytePipe, ClosingEndsAProducerThatWaits) {
  const std::string content = Pattern(5'000);
  BytePipe pipe(16);
  Producer producer(pipe, content);
  char byte = 0;
  ASSERT_EQ(pipe.Read(0, &byte, 1).value(), 1U);
  pipe.Close();
  producer.Join();

  BytePipe unused(16);
  EXPECT_THAT(unused.AwaitEnd(), IsOk());
  Producer idle(unused, content);
  unused.Close();
  idle.Join();
  EXPECT_TRUE(idle.starts.empty());
}

TEST(BytePipe, WhatIsNotWantedAnyMoreIsRefused) {
  BytePipe pipe(16);
  pipe.Close();
  EXPECT_THAT(pipe.Write("a"), IsError(Code::kCancelled, "PIPE_MOVED"));
  EXPECT_THAT(pipe.Write(""), IsOk());
}

}  // namespace
}  // namespace slipway
