#include "async/interruption.h"

#include <thread>

#include <boost/asio/this_coro.hpp>
#include <gtest/gtest.h>

#include "async/deadline.h"
#include "async/testing/run.h"

namespace slipway {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kForever{3'600'000};

Task<Result<bool>> SleepWhole(milliseconds duration) {
  co_return co_await SleepFor(duration);
}

Task<void> AskedFromAThread() {
  Interruption interruption(co_await asio::this_coro::executor);
  EXPECT_FALSE(interruption.asked());
  std::thread other([interruption]() mutable { interruption.Ask(); });
  const Result<bool> slept = co_await interruption.Run(SleepWhole(kForever));
  other.join();
  EXPECT_FALSE(*slept);
  EXPECT_TRUE(interruption.asked());
  // Whoever asked did not mean what was awaited outside.
  EXPECT_TRUE(co_await SleepFor(milliseconds(1)));
}

TEST(InterruptionTest, EndsWhatRuns) {
  RunSync(AskedFromAThread());
}

Task<void> AskedBefore() {
  Interruption interruption(co_await asio::this_coro::executor);
  interruption.Ask();
  interruption.Ask();
  EXPECT_FALSE(*co_await interruption.Run(SleepWhole(kForever)));
  EXPECT_FALSE(*co_await interruption.Run(SleepWhole(kForever))) << "also what runs next";
}

TEST(InterruptionTest, EndsWhatBeginsLater) {
  RunSync(AskedBefore());
}

Task<void> NotAsked() {
  Interruption interruption(co_await asio::this_coro::executor);
  EXPECT_TRUE(*co_await interruption.Run(SleepWhole(milliseconds(1))));
  interruption.Ask();  // nothing runs
}

TEST(InterruptionTest, LeavesAloneWhatEnds) {
  RunSync(NotAsked());
}

}  // namespace
}  // namespace slipway
