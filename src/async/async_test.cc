#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <gtest/gtest.h>

#include "async/blocking_pool.h"
#include "async/call_context.h"
#include "async/completion.h"
#include "async/core_pool.h"
#include "async/deadline.h"
#include "async/guarded.h"
#include "async/task_group.h"
#include "async/testing/run.h"

namespace slipway {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Task<void> CountUntilCancelled(std::shared_ptr<std::atomic<int>> ended) {
  while (co_await SleepFor(milliseconds(3'600'000))) {
  }
  // Clean-up may wait after the cancellation.
  co_await AwaitDone([](const std::function<void()>& done) { done(); });
  ++*ended;
}

Task<void> StartThenStop(std::shared_ptr<std::atomic<int>> ended) {
  TaskGroup group(co_await asio::this_coro::executor);
  for (int i = 0; i < 10; ++i) group.Start([ended] { return CountUntilCancelled(ended); });
  EXPECT_EQ(group.size(), 10U);
  co_await group.Stop();
  EXPECT_EQ(group.size(), 0U);
  group.Start([ended] { return CountUntilCancelled(ended); });
  EXPECT_EQ(group.size(), 0U);
}

TEST(TaskGroupTest, StopEndsEveryTaskAndStartDoesNothingAfterwards) {
  auto ended = std::make_shared<std::atomic<int>>(0);
  RunSync(StartThenStop(ended));
  EXPECT_EQ(*ended, 10);
}

Task<void> StopAcrossCores(CorePool& cores, std::shared_ptr<std::atomic<int>> ended) {
  TaskGroup group(cores.executor(0));
  std::vector<std::thread> starters;
  for (int i = 0; i < 4; ++i) {
    starters.emplace_back([&group, &cores, ended] {
      for (size_t j = 0; j < 50; ++j) {
        group.StartOn(cores.executor(j % cores.size()),
                      [ended] { return CountUntilCancelled(ended); });
      }
    });
  }
  for (std::thread& starter : starters) starter.join();
  co_await group.Stop();
}

TEST(TaskGroupTest, StartFromForeignThreadsOnSeveralCores) {
  CorePool cores(3);
  auto ended = std::make_shared<std::atomic<int>>(0);
  RunSync(StopAcrossCores(cores, ended));
  EXPECT_EQ(*ended, 200);
}

Task<void> JoinGroup() {
  TaskGroup group(co_await asio::this_coro::executor);
  auto done = std::make_shared<bool>(false);
  group.Start([done]() -> Task<void> {
    return [](std::shared_ptr<bool> flag) -> Task<void> {
      EXPECT_TRUE(co_await SleepFor(milliseconds(5)));
      *flag = true;
    }(done);
  });
  co_await group.Join();
  EXPECT_TRUE(*done);
}

TEST(TaskGroupTest, JoinWaitsWithoutCancelling) {
  RunSync(JoinGroup());
}

TEST(TaskGroupDeathTest, DestroyedWhileTasksRun) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        asio::io_context context;
        TaskGroup group(context.get_executor());
        group.Start([]() -> Task<void> { co_return; });
      },
      "await Stop");
}

Task<Result<int>> Slow(milliseconds duration) {
  if (!co_await SleepFor(duration))
    co_return Error(Code::kCancelled, "STOPPED", "was told to stop");
  co_return 7;
}

TEST(DeadlineTest, ValueInTime) {
  const Result<int> answer =
      RunSync(WithDeadline(steady_clock::now() + std::chrono::seconds(60), Slow(milliseconds(1))));
  EXPECT_EQ(answer.value(), 7);
}

TEST(DeadlineTest, ErrorOfTheWorkInTime) {
  auto work = []() -> Task<Result<int>> { co_return NotFound("THING_UNKNOWN", "no such thing"); };
  const Result<int> answer =
      RunSync(WithDeadline(steady_clock::now() + std::chrono::seconds(60), work()));
  EXPECT_EQ(answer.error().reason(), "THING_UNKNOWN");
}

TEST(DeadlineTest, ExpiredWorkIsCancelledAndAwaited) {
  const auto start = steady_clock::now();
  const Result<int> answer =
      RunSync(WithDeadline(start + milliseconds(20), Slow(milliseconds(3'600'000))));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code(), Code::kDeadlineExceeded);
  EXPECT_EQ(answer.error().reason(), "DEADLINE");
  EXPECT_GE(steady_clock::now() - start, milliseconds(20));
}

Task<void> CancelOuter(std::shared_ptr<std::string> reason) {
  const Result<int> answer = co_await WithDeadline(steady_clock::now() + std::chrono::seconds(3600),
                                                   Slow(milliseconds(3'600'000)));
  *reason = answer.error().reason();
}

Task<void> StopWithDeadlineInside(std::shared_ptr<std::string> reason) {
  TaskGroup group(co_await asio::this_coro::executor);
  group.Start([reason] { return CancelOuter(reason); });
  co_await SleepFor(milliseconds(5));
  co_await group.Stop();
}

TEST(DeadlineTest, CancellationOfTheCallerReachesTheWork) {
  auto reason = std::make_shared<std::string>();
  RunSync(StopWithDeadlineInside(reason));
  EXPECT_EQ(*reason, "STOPPED");
}

Task<void> CheckThreads(CorePool& cores, BlockingPool& pool) {
  EXPECT_EQ(cores.current(), 1U);
  const std::thread::id own = std::this_thread::get_id();
  const Result<std::thread::id> other =
      co_await pool.Run([]() -> Result<std::thread::id> { return std::this_thread::get_id(); });
  EXPECT_NE(other.value(), own);
  EXPECT_EQ(std::this_thread::get_id(), own);
}

Task<void> OnCore(CorePool& cores, BlockingPool& pool) {
  TaskGroup group(cores.executor(1));
  group.Start([&cores, &pool] { return CheckThreads(cores, pool); });
  co_await group.Join();
}

TEST(BlockingPoolTest, RunsElsewhereAndResumesOnTheCallersCore) {
  CorePool cores(2);
  BlockingPool pool(2);
  EXPECT_EQ(cores.current(), cores.size());
  RunSync(OnCore(cores, pool));
}

Task<void> RunWhileCancelled(BlockingPool& pool, std::shared_ptr<std::atomic<int>> ran) {
  int local = 0;  // the work refers to this frame
  const Result<int> answer = co_await pool.Run([&local]() -> Result<int> {
    std::this_thread::sleep_for(milliseconds(20));
    return ++local;
  });
  EXPECT_EQ(answer.value(), 1);
  EXPECT_TRUE(co_await IsCancelled());
  *ran = local;
}

Task<void> CancelDuringWork(BlockingPool& pool, std::shared_ptr<std::atomic<int>> ran) {
  TaskGroup group(co_await asio::this_coro::executor);
  group.Start([&pool, ran] { return RunWhileCancelled(pool, ran); });
  co_await SleepFor(milliseconds(5));
  co_await group.Stop();
}

TEST(BlockingPoolTest, WorkThatBeganIsFinishedBeforeACancelledCallerResumes) {
  BlockingPool pool(1);
  auto ran = std::make_shared<std::atomic<int>>(0);
  RunSync(CancelDuringWork(pool, ran));
  EXPECT_EQ(*ran, 1);
}

Task<int> AwaitValueFromThread(std::vector<std::thread>& threads) {
  co_return co_await AwaitCompletion<int>(
      [&threads](const Completion<int>& done) { threads.emplace_back([done] { done(42); }); });
}

TEST(CompletionTest, ValueFromAnotherThread) {
  std::vector<std::thread> threads;
  EXPECT_EQ(RunSync(AwaitValueFromThread(threads)), 42);
  for (std::thread& thread : threads) thread.join();
}

Task<void> AwaitCancellable(std::shared_ptr<std::atomic<int>> cancelled) {
  auto pending = std::make_shared<std::function<void()>>();
  co_await AwaitDone([pending](std::function<void()> done) { *pending = std::move(done); },
                     [pending, cancelled] {
                       ++*cancelled;
                       (*pending)();
                     });
  // Already cancelled: asked at once, after the start.
  co_await AwaitDone([pending](std::function<void()> done) { *pending = std::move(done); },
                     [pending, cancelled] {
                       ++*cancelled;
                       (*pending)();
                     });
}

Task<void> CancelCompletion(std::shared_ptr<std::atomic<int>> cancelled) {
  TaskGroup group(co_await asio::this_coro::executor);
  group.Start([cancelled] { return AwaitCancellable(cancelled); });
  co_await SleepFor(milliseconds(2));
  co_await group.Stop();
}

TEST(CompletionTest, CancelIsCalledOnceWhileWaitingAndAtOnceAfterwards) {
  auto cancelled = std::make_shared<std::atomic<int>>(0);
  RunSync(CancelCompletion(cancelled));
  EXPECT_EQ(*cancelled, 2);
}

TEST(GuardedTest, ManyThreads) {
  Guarded<int> number(0);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&number] {
      for (int j = 0; j < 1000; ++j) number.With([](int& value) { ++value; });
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(number.With([](int& value) { return value; }), 4000);
}

TEST(CallContextTest, SystemHasAllRights) {
  const CallContext context = CallContext::System("controller.service");
  EXPECT_EQ(context.identity.subject, "system/controller.service");
  ASSERT_EQ(context.identity.grants.size(), 1U);
  EXPECT_EQ(context.identity.grants[0].role, Role::kAdmin);
  EXPECT_EQ(context.identity.grants[0].project, "");
  EXPECT_EQ(context.deadline, steady_clock::time_point::max());
}

}  // namespace
}  // namespace slipway
