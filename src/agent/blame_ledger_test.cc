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

TEST(BlameLedgerTest, EachRunThatHangsIsABlame) {
  BlameLedger ledger;
  const SteadyTime now{std::chrono::hours(1)};
  EXPECT_FALSE(ledger.Hangs("a", 1, now));
  EXPECT_FALSE(ledger.Hangs("a", 1, now)) << "it is the same run";
  EXPECT_TRUE(ledger.Hangs("a", 2, now));
  EXPECT_TRUE(ledger.IsIsolated("a"));
  EXPECT_FALSE(ledger.Hangs("a", 3, now)) << "it has a process of its own already";
  EXPECT_TRUE(ledger.Hangs("b", 5, now)) << "several at once";
}

TEST(BlameLedgerTest, RunsThatHangInAnotherServeAreOthers) {
  BlameLedger ledger;
  const SteadyTime now{std::chrono::hours(1)};
  EXPECT_FALSE(ledger.Hangs("a", 1, now));
  ledger.ServeEnded();
  EXPECT_TRUE(ledger.Hangs("a", 1, now));
}

TEST(BlameLedgerTest, ARunThatEndsAfterAllIsForgotten) {
  BlameLedger ledger;
  const SteadyTime now{std::chrono::hours(1)};
  EXPECT_FALSE(ledger.Hangs("a", 1, now));
  EXPECT_FALSE(ledger.Hangs("a", 0, now));
  EXPECT_FALSE(ledger.Hangs("a", 1, now + 2 * std::chrono::minutes(10)));
}

}  // namespace
}  // namespace slipway::agent
