#include "engine/engine_threads.h"

#include <latch>
#include <mutex>
#include <string>

#include <gtest/gtest.h>

namespace slipway::engine {
namespace {

class Job final : public EngineJob {
 public:
  explicit Job(std::function<void()> work) : work_(std::move(work)) {}
  void Execute(std::span<const std::shared_ptr<EngineJob>>) override { work_(); }

 private:
  std::function<void()> work_;
};

// One of those that could share a run, if there were others.
class HeldJob final : public EngineJob {
 public:
  explicit HeldJob(std::chrono::milliseconds wait = std::chrono::hours(1)) {
    const RunTime now = std::chrono::steady_clock::now();
    SetWish({.rows = 1, .arrived = now, .expires = now + wait});
  }
  void Execute(std::span<const std::shared_ptr<EngineJob>>) override { executed.count_down(); }
  void Expire() override { expired.count_down(); }

  std::latch executed{1};
  std::latch expired{1};
};

std::shared_ptr<Job> MakeJob(std::function<void()> work) {
  return std::make_shared<Job>(std::move(work));
}

TEST(EngineThreads, RunsEverythingBeforeItGoes) {
  std::atomic<int> done{0};
  EngineQueue queue(2, {.max_waiting = 100});
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
  EngineQueue queue(1, {.max_waiting = 2});
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
  EngineQueue queue(1, {.max_waiting = 2});
  EngineThreads threads(1);
  const auto first = MakeJob([&] {
    started.count_down();
    finish.wait();
  });
  const auto second = MakeJob([&] { ran = true; });
  ASSERT_TRUE(threads.Submit(queue, first));
  started.wait();
  ASSERT_TRUE(threads.Submit(queue, second));
  EXPECT_FALSE(threads.Withdraw(queue, *first));
  EXPECT_TRUE(threads.Withdraw(queue, *second));
  EXPECT_FALSE(threads.Withdraw(queue, *second));
  finish.count_down();
  while (threads.Pending(queue) > 0) std::this_thread::yield();
  EXPECT_FALSE(ran);
}

// A line that nobody waits in may go, though the threads have not come round to it.
TEST(EngineThreads, ForgetsALineThatWasLeft) {
  std::latch started(1);
  std::latch finish(1);
  EngineQueue busy(1, {});
  EngineThreads threads(1);
  ASSERT_TRUE(threads.Submit(busy, MakeJob([&] {
                               started.count_down();
                               finish.wait();
                             })));
  started.wait();
  {
    EngineQueue left(1, {});
    const auto job = MakeJob([] {});
    ASSERT_TRUE(threads.Submit(left, job));
    EXPECT_TRUE(threads.Withdraw(left, *job));
    EXPECT_EQ(threads.Pending(left), 0u);
  }
  {
    EngineQueue held(1, {.max_rows = 2, .max_delay = std::chrono::hours(1)});
    const auto job = std::make_shared<HeldJob>();
    ASSERT_TRUE(threads.Submit(held, job));
    EXPECT_TRUE(threads.Withdraw(held, *job));
  }
  finish.count_down();
}

TEST(EngineThreads, RunsWhatIsHeldWhenItsTimeHasCome) {
  EngineQueue queue(1, {.max_rows = 2, .max_delay = std::chrono::milliseconds(5)});
  EngineThreads threads(1);
  const auto job = std::make_shared<HeldJob>();
  const RunTime begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(threads.Submit(queue, job));
  job->executed.wait();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(5));
}

TEST(EngineThreads, RunsWhatIsHeldBeforeItGoes) {
  EngineQueue queue(1, {.max_rows = 2, .max_delay = std::chrono::hours(1)});
  const auto job = std::make_shared<HeldJob>();
  {
    EngineThreads threads(1);
    ASSERT_TRUE(threads.Submit(queue, job));
  }
  EXPECT_TRUE(job->executed.try_wait());
}

// Also while all threads are busy.
TEST(EngineThreads, RefusesWhoWaitedTooLong) {
  std::latch started(1);
  std::latch finish(1);
  EngineQueue queue(1, {});
  EngineThreads threads(1);
  ASSERT_TRUE(threads.Submit(queue, MakeJob([&] {
                               started.count_down();
                               finish.wait();
                             })));
  started.wait();
  const auto job = std::make_shared<HeldJob>(std::chrono::milliseconds(5));
  ASSERT_TRUE(threads.Submit(queue, job));
  job->expired.wait();
  EXPECT_FALSE(job->executed.try_wait());
  EXPECT_EQ(threads.Pending(queue), 1u);
  finish.count_down();
}

TEST(EngineThreads, GrowsButOnlySoFar) {
  EngineThreads threads(kMaxEngineThreads + 1);
  EXPECT_EQ(threads.size(), kMaxEngineThreads);
  threads.Reserve(1);
  std::atomic<int> running{0};
  std::latch finish(1);
  EngineQueue queue(2 * kMaxEngineThreads, {});
  for (size_t i = 0; i < kMaxEngineThreads + 10; ++i) {
    ASSERT_TRUE(threads.Submit(queue, MakeJob([&] {
                                 ++running;
                                 finish.wait();
                               })));
  }
  while (queue.waiting() > 10) std::this_thread::yield();
  EXPECT_LE(running, kMaxEngineThreads);
  finish.count_down();
  while (threads.Pending(queue) > 0) std::this_thread::yield();
  threads.Release(1);
}

TEST(EngineThreads, LinesTakeTurns) {
  std::latch started(1);
  std::latch finish(1);
  std::string order;
  EngineQueue busy(1, {.max_waiting = 10});
  EngineQueue other(1, {.max_waiting = 10});
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

TEST(EngineThreads, TheLineWithTheFewestRunsIsNext) {
  std::latch started(3);
  std::latch finish(1);
  std::latch first_ends(1);
  std::mutex mutex;
  std::string order;
  const auto hold = [&] {
    started.count_down();
    finish.wait();
  };
  const auto note = [&](char name) {
    return MakeJob([&, name] {
      std::lock_guard lock(mutex);
      order += name;
    });
  };
  EngineQueue greedy(3, {});
  EngineQueue modest(3, {});
  EngineQueue other(1, {});
  {
    EngineThreads threads(3);
    ASSERT_TRUE(threads.Submit(greedy, MakeJob(hold)));
    ASSERT_TRUE(threads.Submit(greedy, MakeJob(hold)));
    ASSERT_TRUE(threads.Submit(other, MakeJob([&] {
                                 started.count_down();
                                 first_ends.wait();
                               })));
    started.wait();
    // One has two of three threads, and its next was there first.
    ASSERT_TRUE(threads.Submit(greedy, note('g')));
    ASSERT_TRUE(threads.Submit(modest, note('m')));
    first_ends.count_down();
    while (threads.Pending(modest) > 0) std::this_thread::yield();
    finish.count_down();
  }
  EXPECT_EQ(order, "mg");
}

TEST(EngineThreads, ThreadsThatAreReservedAreForNobodyElse) {
  EngineThreads threads(2);
  EXPECT_EQ(threads.size(), 2u);
  threads.Reserve(3);
  EXPECT_EQ(threads.size(), 2u) << "who asks for none has no more than before";
  std::latch started(5);
  EngineQueue own(3, {});
  EngineQueue shared(2, {});
  const auto meet = [&] { started.arrive_and_wait(); };
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(threads.Submit(own, MakeJob(meet)));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(threads.Submit(shared, MakeJob(meet)));
  started.wait();
  while (threads.Pending(own) + threads.Pending(shared) > 0) std::this_thread::yield();
  threads.Release(3);
}

// A job whose time is over at once.
class LateJob final : public EngineJob {
 public:
  explicit LateJob(std::function<void()> work) : work_(std::move(work)) {
    const RunTime now = std::chrono::steady_clock::now();
    SetWish({.arrived = now, .deadline = now});
  }
  void Execute(std::span<const std::shared_ptr<EngineJob>>) override { work_(); }

 private:
  std::function<void()> work_;
};

TEST(EngineThreads, ARunThatHangsIsCountedAndItsThreadReplaced) {
  std::latch started(1);
  std::latch finish(1);
  EngineQueue stuck(1, {});
  EngineQueue other(1, {});
  EngineThreads threads(1);
  ASSERT_TRUE(threads.Submit(stuck, std::make_shared<LateJob>([&] {
                               started.count_down();
                               finish.wait();
                             })));
  started.wait();
  const RunTime now = std::chrono::steady_clock::now();
  EXPECT_EQ(threads.CountHung(stuck, now), 0u) << "its time is over, but not for long";
  EXPECT_EQ(threads.CountHung(stuck, now + kHungRun), 1u);
  EXPECT_EQ(threads.CountHung(other, now + kHungRun), 0u);
  threads.ReplaceHung(now + kHungRun);
  std::latch ran(1);
  ASSERT_TRUE(threads.Submit(other, MakeJob([&] { ran.count_down(); })));
  ran.wait();
  finish.count_down();
  while (threads.Pending(stuck) + threads.Pending(other) > 0) std::this_thread::yield();
  EXPECT_EQ(threads.CountHung(stuck, now + kHungRun), 0u);
}

TEST(EngineThreads, ARunWithoutATimeNeverHangs) {
  std::latch started(1);
  std::latch finish(1);
  EngineQueue queue(1, {});
  EngineThreads threads(1);
  ASSERT_TRUE(threads.Submit(queue, MakeJob([&] {
                               started.count_down();
                               finish.wait();
                             })));
  started.wait();
  EXPECT_EQ(threads.CountHung(queue, std::chrono::steady_clock::now() + 2 * kHungRun), 0u);
  finish.count_down();
  while (threads.Pending(queue) > 0) std::this_thread::yield();
}

TEST(EngineThreads, RunsNoMoreOfOneLineThanItsWidth) {
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  EngineQueue queue(2, {.max_waiting = 1000});
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
