#include "agent/blame_ledger.h"

#include <gtest/gtest.h>

#include "agent/limits.h"

namespace slipway::agent {
namespace {

using std::chrono::seconds;

TEST(BlameLedger, TwiceWithinTheWindowIsEnough) {
  BlameLedger ledger;
  const SteadyTime start{};
  EXPECT_FALSE(ledger.Blamed("a", start));
  EXPECT_FALSE(ledger.Blamed("b", start));
  EXPECT_FALSE(ledger.IsIsolated("a"));
  EXPECT_TRUE(ledger.Blamed("a", start + kBlameWindow));
  EXPECT_TRUE(ledger.IsIsolated("a"));
  EXPECT_FALSE(ledger.IsIsolated("b"));
  EXPECT_FALSE(ledger.Blamed("a", start + kBlameWindow)) << "it is isolated already";
}

TEST(BlameLedger, OnceInAWhileIsNot) {
  BlameLedger ledger;
  SteadyTime now{};
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(ledger.Blamed("a", now));
    now += kBlameWindow + seconds(1);
  }
}

TEST(BlameLedger, RemembersAndForgets) {
  BlameLedger ledger({"a"});
  EXPECT_TRUE(ledger.IsIsolated("a"));
  EXPECT_FALSE(ledger.Keep({"a"}));
  EXPECT_TRUE(ledger.Keep({"b"}));
  EXPECT_FALSE(ledger.IsIsolated("a"));
}

TEST(BlameLedgerTest, IsolatedForAnotherReasonIsNewsOnce) {
  BlameLedger blames;
  EXPECT_TRUE(blames.Isolate("uid"));
  EXPECT_TRUE(blames.IsIsolated("uid"));
  EXPECT_FALSE(blames.Isolate("uid"));
}

}  // namespace
}  // namespace slipway::agent
