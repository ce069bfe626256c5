#include "gateway/request_memory.h"

#include <gtest/gtest.h>

namespace slipway::gateway {
namespace {

TEST(RequestMemory, SmallRequestsAreFree) {
  BodyBudget budget(kUncountedBytes * 4);
  MemoryHold hold(budget);
  EXPECT_TRUE(hold.Take(kUncountedBytes - 1).has_value());
  EXPECT_EQ(budget.used(), 0u);
  EXPECT_TRUE(hold.Take(1).has_value());
  EXPECT_EQ(budget.used(), 0u);
  EXPECT_TRUE(hold.Take(1).has_value());
  EXPECT_EQ(budget.used(), kUncountedBytes + 1) << "the others count in full";
  hold.Drop();
  EXPECT_EQ(budget.used(), 0u);
}

TEST(RequestMemory, TheLimitHoldsForAllTogether) {
  BodyBudget budget(kUncountedBytes * 4);
  MemoryHold one(budget);
  EXPECT_TRUE(one.Take(kUncountedBytes * 3).has_value());
  {
    MemoryHold other(budget);
    const auto refused = other.Take(kUncountedBytes + 1);
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().reason(), "BODIES_TOO_MANY");
    EXPECT_TRUE(other.Take(1).has_value()) << "what was refused is not held";
    EXPECT_EQ(budget.used(), kUncountedBytes * 3);
  }
  MemoryHold moved(std::move(one));
  EXPECT_EQ(budget.used(), kUncountedBytes * 3);
  EXPECT_FALSE(budget.TakeForBody(1)) << "bodies have half of it";
  EXPECT_TRUE(moved.Take(kUncountedBytes).has_value());
  EXPECT_EQ(budget.used(), budget.limit());
  moved.Drop();
  EXPECT_EQ(budget.used(), 0u);
}

}  // namespace
}  // namespace slipway::gateway
