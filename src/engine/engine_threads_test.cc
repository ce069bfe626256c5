#include "engine/engine_threads.h"

#include <latch>
#include <string>

#include <gtest/gtest.h>

namespace slipway::engine {
namespace {

class Job final : public EngineJob {
 public:
  explicit Job(std::function<void()> work) : work_(std::move(work)) {}
  void Execute() override { work_(); }

 private:
  std::function<void()> work_;
};

std::shared_ptr<Job> MakeJob(std::function<void()> work) {
  return std::make_shared<Job>(std::move(work));
}

TEST(EngineThreads, RunsEverythingBeforeItGoes) {
  std::atomic<int> done{0};
  EngineQueue queue(2, 100);
  {
    EngineThreads threads(2);
    for (int i = 0; i < 100; ++i) {
      while (!threads.Submit(queue, MakeJob([&] { ++done; }))) std::this_thread::yield();
    }
  }
  EXPECT_EQ(done, 100);
}

TEST(EngineThreads, RefusesWhenTheLineIsFull) {
  std::latch started(1);
  std::latch finish(1);
  EngineQueue queue(1, 2);
  EngineThreads threads(1);
  ASSERT_TRUE(threads.Submit(queue, MakeJob([&] {
                               started.count_down();
                               finish.wait();
                             })));
  started.wait();
  EXPECT_TRUE(threads.Submit(queue, MakeJob([] {})));
  EXPECT_TRUE(threads.Submit(queue, MakeJob([] {})));
  EXPECT_FALSE(threads.Submit(queue, MakeJob([] {})));
  EXPECT_EQ(threads.Pending(queue), 3u);
  finish.count_down();
}

TEST(EngineThreads, WithdrawsWhatWaitsOnly) {
  std::latch started(1);
  std::latch finish(1);
  bool ran = false;
  EngineQueue queue(1, 2);
  EngineThreads threads(1);
  const auto first = MakeJob([&] {
    started.count_down();
    finish.wait();
  });
  const auto second = MakeJob([&] { ran = true; });
  ASSERT_TRUE(threads.Submit(queue, first));
  started.wait();
  ASSERT_TRUE(threads.Submit(queue, second));
  EXPECT_FALSE(threads.Withdraw(queue, first.get()));
  EXPECT_TRUE(threads.Withdraw(queue, second.get()));
  EXPECT_FALSE(threads.Withdraw(queue, second.get()));
  finish.count_down();
  while (threads.Pending(queue) > 0) std::this_thread::yield();
  EXPECT_FALSE(ran);
}

TEST(EngineThreads, LinesTakeTurns) {
  std::latch started(1);
  std::latch finish(1);
  std::string order;
  EngineQueue busy(1, 10);
  EngineQueue other(1, 10);
  {
    EngineThreads threads(1);
    ASSERT_TRUE(threads.Submit(busy, MakeJob([&] {
                                 started.count_down();
                                 finish.wait();
                               })));
    started.wait();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(threads.Submit(busy, MakeJob([&] { order += 'b'; })));
    ASSERT_TRUE(threads.Submit(other, MakeJob([&] { order += 'o'; })));
    finish.count_down();
  }
  EXPECT_EQ(order.size(), 4u);
  EXPECT_LE(order.find('o'), 1u) << order;
}

TEST(EngineThreads, RunsNoMoreOfOneLineThanItsWidth) {
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  EngineQueue queue(2, 1000);
  {
    EngineThreads threads(4);
    for (int i = 0; i < 200; ++i) {
      ASSERT_TRUE(threads.Submit(queue, MakeJob([&] {
                                   const int now = ++running;
                                   int seen = most;
                                   while (now > seen && !most.compare_exchange_weak(seen, now)) {
                                   }
                                   std::this_thread::sleep_for(std::chrono::microseconds(50));
                                   --running;
                                 })));
    }
  }
  EXPECT_LE(most, 2);
}

}  // namespace
}  // namespace slipway::engine
