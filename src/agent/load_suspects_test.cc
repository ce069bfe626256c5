#include "agent/load_suspects.h"

#include <csignal>

#include <gtest/gtest.h>

#include "agent/limits.h"

namespace slipway::agent {
namespace {

using Uids = std::set<std::string>;
using std::chrono::milliseconds;

constexpr SteadyTime kStart{std::chrono::hours(1)};

runtime::ServingConfig ConfigOf(const std::vector<std::string>& uids) {
  runtime::ServingConfig config;
  config.services.push_back({.project = "p", .name = "s"});
  for (const std::string& uid : uids) config.services[0].revisions.push_back({.uid = uid});
  return config;
}

runtime::ServingStatus StatusOf(
    const std::vector<std::pair<std::string, std::string>>& uid_and_phase) {
  runtime::ServingStatus status;
  for (const auto& [uid, phase] : uid_and_phase) {
    status.revisions.push_back({.uid = uid, .phase = phase});
  }
  return status;
}

TEST(LoadSuspectsTest, RevisionThatEndsServeTwiceWhileLoadingIsCondemned) {
  LoadSuspects suspects;
  auto status = StatusOf({{"good", "Ready"}, {"bad", "Loading"}});
  suspects.ServeSaid(status);
  suspects.ServeEnded(ConfigOf({"good", "bad"}), {.last = status}, kStart);
  EXPECT_FALSE(suspects.IsCondemned("bad"));
  EXPECT_EQ(suspects.Allowed({"good", "bad"}), (Uids{"good", "bad"}));
  suspects.ServeEnded(ConfigOf({"good", "bad"}), {.last = status}, kStart);
  EXPECT_TRUE(suspects.IsCondemned("bad"));
  EXPECT_FALSE(suspects.IsCondemned("good"));
  EXPECT_EQ(suspects.Allowed({"good", "bad"}), Uids{"good"});
}

TEST(LoadSuspectsTest, SeveralSuspectsAreTriedOneAtATime) {
  LoadSuspects suspects;
  suspects.ServeEnded(ConfigOf({"a", "b", "c"}), {}, kStart);
  EXPECT_EQ(suspects.Allowed({"a", "b", "c"}), Uids{"a"});
  suspects.ServeSaid(StatusOf({{"a", "Ready"}}));
  EXPECT_EQ(suspects.Allowed({"a", "b", "c"}), (Uids{"a", "b"}));
  suspects.ServeEnded(ConfigOf({"a", "b"}), {}, kStart);
  suspects.ServeEnded(ConfigOf({"a", "b"}), {}, kStart);
  EXPECT_TRUE(suspects.IsCondemned("b"));
  EXPECT_FALSE(suspects.IsCondemned("a"));
  EXPECT_EQ(suspects.Allowed({"a", "b", "c"}), (Uids{"a", "c"}));
  suspects.ServeSaid(StatusOf({{"a", "Ready"}, {"c", "Failed"}}));
  EXPECT_EQ(suspects.Allowed({"a", "b", "c", "d", "e"}), (Uids{"a", "c", "d"}));
}

// `names` of which those that begin with "own" have processes of their own.
runtime::ServingConfig MixedConfig(const std::vector<std::string>& names) {
  auto config = ConfigOf(names);
  for (auto& revision : config.services[0].revisions) {
    revision.own_process = revision.uid.starts_with("own");
  }
  return config;
}

TEST(LoadSuspectsTest, NobodyWaitsForAProcessOfItsOwn) {
  LoadSuspects suspects;
  const auto config = MixedConfig({"own-slow", "own-too", "a", "b"});
  suspects.ServeEnded(config, {}, kStart);
  EXPECT_EQ(suspects.Allowed({"own-slow", "own-too", "a", "b"}, {"own-slow", "own-too"}),
            (Uids{"own-slow", "own-too", "a"}));
}

TEST(LoadSuspectsTest, OneThatLoadsElsewhereIsNotBlamedForTheCrashOfAnother) {
  LoadSuspects suspects;
  const auto status = StatusOf({{"own-slow", "Loading"}, {"bad", "Loading"}});
  const auto config = MixedConfig({"own-slow", "bad"});
  for (int i = 0; i < 2; ++i) suspects.ServeEnded(config, {.last = status}, kStart);
  EXPECT_TRUE(suspects.IsCondemned("bad"));
  EXPECT_FALSE(suspects.IsCondemned("own-slow"));
}

TEST(LoadSuspectsTest, OneThatLoadsElsewhereMayHaveTakenAllTheMemory) {
  LoadSuspects suspects;
  const auto status = StatusOf({{"own-large", "Loading"}, {"own-small", "Loading"}});
  const auto config = MixedConfig({"own-small", "own-large"});
  const Uids both = {"own-small", "own-large"};
  suspects.ServeEnded(config, {.last = status, .how = Ending::kKilled}, kStart);
  EXPECT_EQ(suspects.Allowed({"own-small", "own-large"}, both), Uids{"own-small"});
}

TEST(LoadSuspectsTest, AllAreAllowedAgainOnceAllAreSettled) {
  LoadSuspects suspects;
  suspects.ServeEnded(ConfigOf({"a", "b"}), {}, kStart);
  suspects.ServeSaid(StatusOf({{"a", "Ready"}, {"b", "Ready"}}));
  EXPECT_EQ(suspects.Allowed({"a", "b"}), (Uids{"a", "b"}));
  EXPECT_EQ(suspects.Allowed({"a", "b", "c", "d"}), (Uids{"a", "b", "c", "d"}));
}

TEST(LoadSuspectsTest, EndWhileNothingLoadsBlamesNobody) {
  LoadSuspects suspects;
  auto status = StatusOf({{"a", "Ready"}});
  for (int i = 0; i < 5; ++i) {
    suspects.ServeSaid(status);
    suspects.ServeEnded(ConfigOf({"a"}), {.last = status}, kStart);
  }
  EXPECT_FALSE(suspects.IsCondemned("a"));
}

TEST(LoadSuspectsTest, WhatServeHasSaidNothingOfYetIsSuspect) {
  LoadSuspects suspects;
  auto before = StatusOf({{"good", "Ready"}});
  before.generation = 1;
  auto config = ConfigOf({"good", "bad"});
  config.generation = 2;
  suspects.ServeEnded(config, {.last = before}, kStart);
  suspects.ServeEnded(config, {.last = before}, kStart);
  EXPECT_TRUE(suspects.IsCondemned("bad"));
  EXPECT_FALSE(suspects.IsCondemned("good"));
}

TEST(LoadSuspectsTest, SilenceMakesEvenProvenRevisionsSuspect) {
  LoadSuspects suspects;
  suspects.ServeSaid(StatusOf({{"a", "Ready"}, {"b", "Ready"}}));
  for (int i = 0; i < 3; ++i) suspects.ServeEnded(ConfigOf({"a", "b"}), {}, kStart);
  EXPECT_EQ(suspects.Allowed({"a", "b"}), Uids{"a"});
}

TEST(LoadSuspectsTest, ForgottenRevisionIsTriedAgain) {
  LoadSuspects suspects;
  auto status = StatusOf({{"bad", "Loading"}});
  suspects.ServeEnded(ConfigOf({"bad"}), {.last = status}, kStart);
  suspects.ServeEnded(ConfigOf({"bad"}), {.last = status}, kStart);
  ASSERT_TRUE(suspects.IsCondemned("bad"));
  suspects.Keep({"other"});
  EXPECT_FALSE(suspects.IsCondemned("bad"));
}

TEST(LoadSuspectsTest, CrashesBeforeItWasReadyAreForgiven) {
  LoadSuspects suspects;
  auto loading = StatusOf({{"a", "Loading"}});
  suspects.ServeEnded(ConfigOf({"a"}), {.last = loading}, kStart);
  suspects.ServeSaid(StatusOf({{"a", "Ready"}}));
  suspects.ServeEnded(ConfigOf({"a"}), {.last = loading}, kStart);
  EXPECT_FALSE(suspects.IsCondemned("a"));
}

TEST(LoadSuspectsTest, OrderlyEndsBlameNobody) {
  LoadSuspects suspects;
  auto loading = StatusOf({{"a", "Loading"}});
  for (int i = 0; i < 5; ++i) {
    // As with a certificate that serve cannot read: it says a sentence and exits.
    EXPECT_EQ(suspects.ServeEnded(ConfigOf({"a"}), {.how = Ending::kOrderly}, kStart), "");
    EXPECT_EQ(
        suspects.ServeEnded(ConfigOf({"a"}), {.last = loading, .how = Ending::kOrderly}, kStart),
        "");
  }
  EXPECT_EQ(suspects.Allowed({"a", "b"}), (Uids{"a", "b"}));
}

TEST(LoadSuspectsTest, SerialKillsBeforeTheFirstWordBlameNobody) {
  LoadSuspects suspects;
  suspects.ServeSaid(StatusOf({{"a", "Ready"}, {"b", "Ready"}}));
  const auto config = ConfigOf({"a", "b", "new"});
  for (int i = 0; i < 5; ++i) suspects.ServeEnded(config, {.how = Ending::kKilled}, kStart);
  EXPECT_EQ(suspects.Allowed({"a", "b", "new"}), (Uids{"a", "b", "new"}));
  suspects.ServeEnded(ConfigOf({"x", "y"}), {.how = Ending::kKilled}, kStart);
  EXPECT_EQ(suspects.Allowed({"x", "y"}), Uids{"x"}) << "with care, should memory be the matter";
  EXPECT_FALSE(suspects.IsCondemned("x"));
}

TEST(LoadSuspectsTest, KillsWhileItLoadsMayBeForWantOfMemory) {
  LoadSuspects suspects;
  auto loading = StatusOf({{"large", "Loading"}});
  const ServeEnd killed{.last = loading, .how = Ending::kKilled};
  EXPECT_EQ(suspects.ServeEnded(ConfigOf({"large"}), killed, kStart), "");
  EXPECT_EQ(suspects.ServeEnded(ConfigOf({"large"}), killed, kStart), "large");
}

TEST(LoadSuspectsTest, WhatLoadsBesideTheBlamedIsInnocent) {
  LoadSuspects suspects;
  auto status = StatusOf({{"bad", "Ready"}, {"slow", "Loading"}});
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(
        suspects.ServeEnded(ConfigOf({"bad", "slow"}), {.last = status, .blamed = "bad"}, kStart),
        "");
    suspects.ServeEnded(ConfigOf({"bad", "slow"}), {.blamed = "bad"}, kStart);
  }
  EXPECT_FALSE(suspects.IsCondemned("slow"));
  EXPECT_EQ(suspects.Allowed({"bad", "slow"}), (Uids{"bad", "slow"}));
}

TEST(LoadSuspectsTest, WhatCrashesInItsWarmUpIsBlamedAmongSeveral) {
  LoadSuspects suspects;
  auto status = StatusOf({{"bad", "Loading"}, {"slow", "Loading"}});
  const ServeEnd end{.last = status, .blamed = "bad"};
  suspects.ServeEnded(ConfigOf({"bad", "slow"}), end, kStart);
  EXPECT_EQ(suspects.ServeEnded(ConfigOf({"bad", "slow"}), end, kStart), "bad");
  EXPECT_EQ(suspects.Allowed({"bad", "slow"}), Uids{"slow"});
}

TEST(LoadSuspectsTest, CondemnedIsTriedAgainAfterPausesThatDouble) {
  LoadSuspects suspects;
  const ServeEnd end{.last = StatusOf({{"bad", "Loading"}})};
  suspects.ServeEnded(ConfigOf({"bad"}), end, kStart);
  using std::chrono::minutes;
  const std::vector<minutes> kPauses{minutes(1),  minutes(2),  minutes(4),  minutes(8),
                                     minutes(16), minutes(32), minutes(60), minutes(60)};
  SteadyTime now = kStart;
  for (const minutes pause : kPauses) {
    EXPECT_EQ(suspects.ServeEnded(ConfigOf({"bad"}), end, now), "bad");
    suspects.Pardon(now + pause - milliseconds(1));
    EXPECT_TRUE(suspects.IsCondemned("bad"));
    now += pause;
    suspects.Pardon(now);
    EXPECT_FALSE(suspects.IsCondemned("bad")) << pause.count();
    EXPECT_EQ(suspects.Allowed({"bad"}), Uids{"bad"});
  }
  suspects.ServeSaid(StatusOf({{"bad", "Ready"}}));
  suspects.ServeEnded(ConfigOf({"bad"}), end, now);
  EXPECT_FALSE(suspects.IsCondemned("bad")) << "once Ready, it starts over";
}

TEST(LoadSuspectsTest, ExitsAndSignalsThatAskAreOrderly) {
  EXPECT_EQ(EndingOf({.exit_code = 0}), Ending::kOrderly);
  EXPECT_EQ(EndingOf({.exit_code = 1}), Ending::kOrderly);
  EXPECT_EQ(EndingOf({.by_signal = SIGTERM}), Ending::kOrderly);
  EXPECT_EQ(EndingOf({.by_signal = SIGKILL}), Ending::kKilled);
  EXPECT_EQ(EndingOf({.by_signal = SIGSEGV}), Ending::kCrashed);
  EXPECT_EQ(EndingOf({.by_signal = SIGABRT}), Ending::kCrashed);
  EXPECT_EQ(EndingOf({}), Ending::kCrashed) << "another agent's child: nobody saw it";
}

}  // namespace
}  // namespace slipway::agent
