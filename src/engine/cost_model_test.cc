#include "engine/cost_model.h"

#include <gtest/gtest.h>

namespace slipway::engine {
namespace {

using namespace std::chrono_literals;

TEST(CostModel, KnowsNothingBeforeTheThirdRun) {
  CostModel cost;
  EXPECT_EQ(cost.Predict(4), std::nullopt);
  cost.Observe(4, 5us);
  cost.Observe(4, 5us);
  EXPECT_EQ(cost.Predict(4), std::nullopt);
  cost.Observe(4, 5us);
  EXPECT_EQ(cost.Predict(4), 5us);
}

TEST(CostModel, KnowsTheDoubleSizeButNotMore) {
  CostModel cost;
  for (int i = 0; i < 3; ++i) cost.Observe(4, 5us);
  EXPECT_EQ(cost.Predict(8), 10us);
  EXPECT_EQ(cost.Predict(16), std::nullopt);
  EXPECT_EQ(cost.Predict(1), std::nullopt);
}

TEST(CostModel, OneSlowRunChangesLittleManyChangeAll) {
  CostModel cost;
  for (int i = 0; i < 3; ++i) cost.Observe(4, 8us);
  cost.Observe(4, 50ms);
  EXPECT_LE(*cost.Predict(4), 9'001ns);
  for (int i = 0; i < 100; ++i) cost.Observe(4, 80us);
  EXPECT_GT(*cost.Predict(4), 75us);
}

TEST(CostModel, FallsFastWhenRunsAreFast) {
  CostModel cost;
  for (int i = 0; i < 3; ++i) cost.Observe(4, 400us);
  for (int i = 0; i < 20; ++i) cost.Observe(4, 8us);
  EXPECT_LT(*cost.Predict(4), 12us);
}

TEST(CostModel, TakesAnyElementCount) {
  CostModel cost;
  for (int i = 0; i < 3; ++i) cost.Observe(UINT64_MAX, 1s);
  EXPECT_EQ(cost.Predict(UINT64_MAX), 1s);
  EXPECT_EQ(cost.Predict(0), std::nullopt);
}

}  // namespace
}  // namespace slipway::engine
