#include "gateway/inline_watch.h"

#include <gtest/gtest.h>

namespace slipway::gateway {
namespace {

class CountingSession final : public exec::Session {
 public:
  void Start(const exec::Run&, exec::RunObserver&) override {}
  void Interrupt() override { ++interrupts; }
  int interrupts = 0;
};

TEST(InlineRunTest, IsInterruptedAtTheSecondLook) {
  CountingSession session;
  InlineRun run;
  run.Begin(session);
  run.Look();
  EXPECT_EQ(session.interrupts, 0);
  run.Look();
  EXPECT_EQ(session.interrupts, 1);
  run.Look();
  EXPECT_EQ(session.interrupts, 2) << "the first may have come before the engine began";
  EXPECT_TRUE(run.End());
}

TEST(InlineRunTest, ShortRunsAreLeftAlone) {
  CountingSession session;
  InlineRun run;
  for (int i = 0; i < 5; ++i) {
    run.Begin(session);
    run.Look();
    EXPECT_FALSE(run.End());
  }
  run.Look();
  run.Look();
  EXPECT_EQ(session.interrupts, 0);
}

TEST(InlineRunTest, TheNextRunIsNotTheOneBefore) {
  CountingSession session;
  InlineRun run;
  run.Begin(session);
  run.Look();
  run.Look();
  EXPECT_TRUE(run.End());
  run.Begin(session);
  run.Look();
  EXPECT_FALSE(run.End());
  EXPECT_EQ(session.interrupts, 1);
}

TEST(InlineRunTest, LooksMayComeAtAnyTime) {
  CountingSession session;
  InlineRun run;
  std::atomic<bool> stop{false};
  std::thread watch([&] {
    while (!stop) run.Look();
  });
  int interrupted = 0;
  for (int i = 0; i < 20'000; ++i) {
    run.Begin(session);
    if (run.End()) ++interrupted;
  }
  stop = true;
  watch.join();
  EXPECT_LE(interrupted, session.interrupts);
}

}  // namespace
}  // namespace slipway::gateway
