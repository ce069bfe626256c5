#include "agent/backoff.h"

#include <gtest/gtest.h>

namespace slipway::agent {
namespace {

using std::chrono::milliseconds;

TEST(BackoffTest, DoublesUpToTheLongest) {
  Backoff backoff({.first = milliseconds(0),
                   .second = milliseconds(200),
                   .longest = milliseconds(1'000),
                   .peace = milliseconds(60'000)});
  FakeClock clock;
  std::vector<int64_t> pauses;
  for (int i = 0; i < 6; ++i) pauses.push_back(backoff.Failed(clock.Steady()).count());
  EXPECT_EQ(pauses, (std::vector<int64_t>{0, 200, 400, 800, 1'000, 1'000}));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(backoff.Failed(clock.Steady()), milliseconds(1'000));
}

TEST(BackoffTest, StartsOverAfterPeaceOrSuccess) {
  Backoff backoff({.peace = milliseconds(1'000)});
  FakeClock clock;
  backoff.Failed(clock.Steady());
  EXPECT_GT(backoff.Failed(clock.Steady()), milliseconds(0));
  clock.Advance(milliseconds(1'000));
  EXPECT_EQ(backoff.Failed(clock.Steady()), milliseconds(0));
  backoff.Failed(clock.Steady());
  backoff.Succeeded();
  EXPECT_EQ(backoff.Failed(clock.Steady()), milliseconds(0));
}

}  // namespace
}  // namespace slipway::agent
