#include "engine/run_watch.h"

#include <condition_variable>
#include <mutex>

#include <gtest/gtest.h>

namespace slipway::engine {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// Looks at no clock: a run ends when it is interrupted the second time, for the first may come
// before it began.
class EndlessSession final : public exec::Session {
 public:
  void Start(const exec::Run&, exec::RunObserver& observer) override {
    std::unique_lock lock(mutex_);
    interrupts_ = 0;
    started_ = true;
    wake_.notify_all();
    wake_.wait(lock, [&] { return interrupts_ >= 2; });
    lock.unlock();
    observer.OnError(Internal("RUN_FAILED", "it was made to end"));
  }
  void Interrupt() override {
    std::lock_guard lock(mutex_);
    ++interrupts_;
    wake_.notify_all();
  }
  void AwaitStart() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return started_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  int interrupts_ = 0;
  bool started_ = false;
};

class QuickSession final : public exec::Session {
 public:
  void Start(const exec::Run&, exec::RunObserver& observer) override { observer.OnResponse(true); }
  void Interrupt() override { FAIL() << "nobody was to be interrupted"; }
};

TEST(RunWatch, ARunEndsWithItsTime) {
  EndlessSession session;
  RunWatch watch;
  for (int i = 0; i < 2; ++i) {
    const auto ran = watch.RunAndWait(session, {.deadline = Clock::now() + milliseconds(1)});
    ASSERT_TRUE(ran.has_error());
    EXPECT_EQ(ran.error().reason(), "RUN_DEADLINE");
    EXPECT_EQ(ran.error().code(), Code::kDeadlineExceeded);
  }
}

TEST(RunWatch, ARunEndsWhenNobodyWantsIt) {
  EndlessSession session;
  std::stop_source stop;
  RunWatch watch(stop.get_token());
  std::jthread stopper([&] {
    session.AwaitStart();
    stop.request_stop();
  });
  const auto ran = watch.RunAndWait(session, {});
  ASSERT_TRUE(ran.has_error());
  EXPECT_EQ(ran.error().reason(), "RUN_CANCELLED");
  // The next one does not even begin.
  EXPECT_EQ(watch.RunAndWait(session, {}).error().reason(), "RUN_CANCELLED");
}

TEST(RunWatch, OthersAreLeftAlone) {
  QuickSession session;
  RunWatch watch;
  EXPECT_TRUE(watch.RunAndWait(session, {}).has_value());
  EXPECT_TRUE(
      watch.RunAndWait(session, {.deadline = Clock::now() + std::chrono::hours(1)}).has_value());
}

}  // namespace
}  // namespace slipway::engine
