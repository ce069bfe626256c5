#include "async/wakeup.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

#include <boost/asio/this_coro.hpp>
#include <gtest/gtest.h>

#include "async/deadline.h"
#include "async/descriptor.h"
#include "async/task_group.h"
#include "async/testing/run.h"

namespace slipway {
namespace {

using std::chrono::milliseconds;

Task<void> StickyAndCoalescing() {
  Wakeup wakeup(co_await asio::this_coro::executor);
  wakeup.Notify();
  wakeup.Notify();
  EXPECT_TRUE(co_await wakeup.Wait());
  EXPECT_FALSE(co_await wakeup.WaitFor(milliseconds(5)));
  wakeup.Notify();
  EXPECT_TRUE(co_await wakeup.WaitFor(milliseconds(60'000)));
}

TEST(WakeupTest, StickyAndCoalescing) {
  RunSync(StickyAndCoalescing());
}

Task<void> FromThread() {
  Wakeup wakeup(co_await asio::this_coro::executor);
  std::atomic<int> produced = 0;
  std::thread thread([&wakeup, &produced] {
    for (int i = 0; i < 2000; ++i) {
      ++produced;
      wakeup.Notify();
    }
  });
  // No notification is lost: the last one is seen, whatever was coalesced before it.
  while (produced < 2000) EXPECT_TRUE(co_await wakeup.WaitFor(milliseconds(60'000)));
  thread.join();
}

TEST(WakeupTest, FromAnotherThread) {
  RunSync(FromThread());
}

Task<void> WaitAndCount(std::shared_ptr<Wakeup> wakeup, std::shared_ptr<int> cancelled) {
  if (!co_await wakeup->Wait()) ++*cancelled;
  if (!co_await wakeup->Wait()) ++*cancelled;  // already cancelled: at once
}

Task<void> CancelWaiting(std::shared_ptr<int> cancelled) {
  auto wakeup = std::make_shared<Wakeup>(co_await asio::this_coro::executor);
  TaskGroup group(co_await asio::this_coro::executor);
  group.Start([wakeup, cancelled] { return WaitAndCount(wakeup, cancelled); });
  co_await SleepFor(milliseconds(2));
  co_await group.Stop();
}

TEST(WakeupTest, Cancelled) {
  auto cancelled = std::make_shared<int>(0);
  RunSync(CancelWaiting(cancelled));
  EXPECT_EQ(*cancelled, 2);
}

TEST(DescriptorTest, ReadableAfterAWriteAndAtTheEnd) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  std::thread thread([&ends] { EXPECT_EQ(write(ends[1], "x", 1), 1); });
  EXPECT_TRUE(RunSync(WaitReadable(ends[0])).has_value());
  thread.join();
  char byte = 0;
  EXPECT_EQ(read(ends[0], &byte, 1), 1);
  close(ends[1]);
  EXPECT_TRUE(RunSync(WaitReadable(ends[0])).has_value());
  close(ends[0]);
}

Task<void> CancelDescriptor(int descriptor, std::shared_ptr<std::string> reason) {
  TaskGroup group(co_await asio::this_coro::executor);
  group.Start([descriptor, reason]() {
    return [](int number, std::shared_ptr<std::string> out) -> Task<void> {
      const Result<void> waited = co_await WaitReadable(number);
      *out = waited.error().reason();
    }(descriptor, reason);
  });
  co_await SleepFor(milliseconds(2));
  co_await group.Stop();
}

TEST(DescriptorTest, CancelledWaitLeavesTheDescriptorOpen) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  auto reason = std::make_shared<std::string>();
  RunSync(CancelDescriptor(ends[0], reason));
  EXPECT_EQ(*reason, "WAIT_CANCELLED");
  EXPECT_EQ(write(ends[1], "x", 1), 1);
  EXPECT_TRUE(RunSync(WaitReadable(ends[0])).has_value());
  close(ends[0]);
  close(ends[1]);
}

TEST(DescriptorTest, NotADescriptor) {
  const Result<void> waited = RunSync(WaitReadable(-1));
  ASSERT_FALSE(waited.has_value());
  EXPECT_EQ(waited.error().reason(), "SYSTEM");
}

}  // namespace
}  // namespace slipway
