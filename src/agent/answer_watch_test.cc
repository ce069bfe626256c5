#include "agent/answer_watch.h"

#include <gtest/gtest.h>

namespace slipway::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class AnswerWatchTest : public ::testing::Test {
 protected:
  AnswerWatchTest() { watch_.Begin(clock_.Steady()); }
  // A second goes by without an answer.
  void Silence(int turns, bool held = false) {
    for (int i = 0; i < turns; ++i) {
      clock_.Advance(seconds(1));
      watch_.Turn(clock_.Steady(), held);
    }
  }

  FakeClock clock_;
  AnswerWatch watch_{{.limit = seconds(5), .start_limit = seconds(30), .end_after = seconds(60)}};
};

TEST_F(AnswerWatchTest, CountsUpToTheLimitAndForgetsAtAnAnswer) {
  watch_.Answered({});
  Silence(4);
  EXPECT_FALSE(watch_.is_silent());
  Silence(1);
  EXPECT_TRUE(watch_.is_silent());
  EXPECT_FALSE(watch_.silent_core().has_value()) << "nothing answers";
  watch_.Answered({});
  EXPECT_FALSE(watch_.is_silent());
  Silence(4);
  EXPECT_FALSE(watch_.is_silent());
}

TEST_F(AnswerWatchTest, AStartHasMoreTime) {
  Silence(29);
  EXPECT_FALSE(watch_.is_silent());
  Silence(1);
  EXPECT_TRUE(watch_.is_silent());
  watch_.Begin(clock_.Steady());
  EXPECT_FALSE(watch_.is_silent());
}

TEST_F(AnswerWatchTest, ASleepOfTheMachineIsNobodysSilence) {
  watch_.Answered({});
  clock_.Advance(std::chrono::hours(1));
  watch_.Turn(clock_.Steady(), false);
  EXPECT_FALSE(watch_.is_silent());
  Silence(2);
  EXPECT_FALSE(watch_.is_silent());
  Silence(1);
  EXPECT_TRUE(watch_.is_silent()) << "the turn that was too long counted for two";
}

TEST_F(AnswerWatchTest, OneCoreIsEnough) {
  watch_.Answered({1});
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(watch_.is_silent()) << i;
    Silence(1);
    watch_.Answered({1, 0});
  }
  EXPECT_TRUE(watch_.is_silent());
  EXPECT_EQ(watch_.silent_core(), 1);
  watch_.Answered({0});
  EXPECT_FALSE(watch_.is_silent()) << "core 0 is not silent for as long";
}

TEST_F(AnswerWatchTest, CoresThatTakeTurnsAtBeingSlowAreNotBlamed) {
  for (int i = 0; i < 20; ++i) {
    watch_.Answered({i % 2});
    Silence(1);
    EXPECT_FALSE(watch_.is_silent()) << i;
  }
}

TEST_F(AnswerWatchTest, IsLostAfterMuchLongerAndNotWhileHeld) {
  watch_.Answered({});
  Silence(500, /*held=*/true);
  EXPECT_TRUE(watch_.is_silent());
  EXPECT_FALSE(watch_.is_lost());
  Silence(59);
  EXPECT_FALSE(watch_.is_lost()) << "let go, it has all of its time";
  Silence(1);
  EXPECT_TRUE(watch_.is_lost());
  watch_.Answered({});
  EXPECT_FALSE(watch_.is_lost());
}

TEST_F(AnswerWatchTest, ASilentCoreMakesItLostToo) {
  for (int i = 0; i < 70; ++i) {
    watch_.Answered({0});
    Silence(1);
  }
  EXPECT_TRUE(watch_.is_lost());
}

TEST_F(AnswerWatchTest, NeverIsZero) {
  AnswerWatch watch({.limit = seconds(5), .end_after = seconds(0)});
  watch.Begin(clock_.Steady());
  for (int i = 0; i < 1000; ++i) {
    clock_.Advance(seconds(1));
    watch.Turn(clock_.Steady(), false);
  }
  EXPECT_TRUE(watch.is_silent());
  EXPECT_FALSE(watch.is_lost());
}

TEST_F(AnswerWatchTest, TheIntervalFollowsTheLimit) {
  EXPECT_EQ(watch_.interval(), seconds(1));
  EXPECT_EQ(AnswerWatch({.limit = milliseconds(500)}).interval(), milliseconds(100));
  EXPECT_EQ(AnswerWatch({.limit = milliseconds(1)}).interval(), milliseconds(10));
}

}  // namespace
}  // namespace slipway::agent
