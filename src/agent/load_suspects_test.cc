#include "agent/load_suspects.h"

#include <gtest/gtest.h>

namespace slipway::agent {
namespace {

using Uids = std::set<std::string>;

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
  suspects.ServeEnded(ConfigOf({"good", "bad"}), &status);
  EXPECT_FALSE(suspects.IsCondemned("bad"));
  EXPECT_EQ(suspects.Allowed({"good", "bad"}), (Uids{"good", "bad"}));
  suspects.ServeEnded(ConfigOf({"good", "bad"}), &status);
  EXPECT_TRUE(suspects.IsCondemned("bad"));
  EXPECT_FALSE(suspects.IsCondemned("good"));
  EXPECT_EQ(suspects.Allowed({"good", "bad"}), Uids{"good"});
}

TEST(LoadSuspectsTest, SeveralSuspectsAreTriedOneAtATime) {
  LoadSuspects suspects;
  suspects.ServeEnded(ConfigOf({"a", "b", "c"}), nullptr);
  EXPECT_EQ(suspects.Allowed({"a", "b", "c"}), Uids{"a"});
  suspects.ServeSaid(StatusOf({{"a", "Ready"}}));
  EXPECT_EQ(suspects.Allowed({"a", "b", "c"}), (Uids{"a", "b"}));
  suspects.ServeEnded(ConfigOf({"a", "b"}), nullptr);
  suspects.ServeEnded(ConfigOf({"a", "b"}), nullptr);
  EXPECT_TRUE(suspects.IsCondemned("b"));
  EXPECT_FALSE(suspects.IsCondemned("a"));
  EXPECT_EQ(suspects.Allowed({"a", "b", "c"}), (Uids{"a", "c"}));
  suspects.ServeSaid(StatusOf({{"a", "Ready"}, {"c", "Failed"}}));
  EXPECT_EQ(suspects.Allowed({"a", "b", "c", "d", "e"}), (Uids{"a", "c", "d"}));
}

TEST(LoadSuspectsTest, AllAreAllowedAgainOnceAllAreSettled) {
  LoadSuspects suspects;
  suspects.ServeEnded(ConfigOf({"a", "b"}), nullptr);
  suspects.ServeSaid(StatusOf({{"a", "Ready"}, {"b", "Ready"}}));
  EXPECT_EQ(suspects.Allowed({"a", "b"}), (Uids{"a", "b"}));
  EXPECT_EQ(suspects.Allowed({"a", "b", "c", "d"}), (Uids{"a", "b", "c", "d"}));
}

TEST(LoadSuspectsTest, EndWhileNothingLoadsBlamesNobody) {
  LoadSuspects suspects;
  auto status = StatusOf({{"a", "Ready"}});
  for (int i = 0; i < 5; ++i) {
    suspects.ServeSaid(status);
    suspects.ServeEnded(ConfigOf({"a"}), &status);
  }
  EXPECT_FALSE(suspects.IsCondemned("a"));
}

TEST(LoadSuspectsTest, WhatServeHasSaidNothingOfYetIsSuspect) {
  LoadSuspects suspects;
  auto before = StatusOf({{"good", "Ready"}});
  before.generation = 1;
  auto config = ConfigOf({"good", "bad"});
  config.generation = 2;
  suspects.ServeEnded(config, &before);
  suspects.ServeEnded(config, &before);
  EXPECT_TRUE(suspects.IsCondemned("bad"));
  EXPECT_FALSE(suspects.IsCondemned("good"));
}

TEST(LoadSuspectsTest, SilenceMakesEvenProvenRevisionsSuspect) {
  LoadSuspects suspects;
  suspects.ServeSaid(StatusOf({{"a", "Ready"}, {"b", "Ready"}}));
  for (int i = 0; i < 3; ++i) suspects.ServeEnded(ConfigOf({"a", "b"}), nullptr);
  EXPECT_EQ(suspects.Allowed({"a", "b"}), Uids{"a"});
}

TEST(LoadSuspectsTest, ForgottenRevisionIsTriedAgain) {
  LoadSuspects suspects;
  auto status = StatusOf({{"bad", "Loading"}});
  suspects.ServeEnded(ConfigOf({"bad"}), &status);
  suspects.ServeEnded(ConfigOf({"bad"}), &status);
  ASSERT_TRUE(suspects.IsCondemned("bad"));
  suspects.Keep({"other"});
  EXPECT_FALSE(suspects.IsCondemned("bad"));
}

TEST(LoadSuspectsTest, CrashesBeforeItWasReadyAreForgiven) {
  LoadSuspects suspects;
  auto loading = StatusOf({{"a", "Loading"}});
  suspects.ServeEnded(ConfigOf({"a"}), &loading);
  suspects.ServeSaid(StatusOf({{"a", "Ready"}}));
  suspects.ServeEnded(ConfigOf({"a"}), &loading);
  EXPECT_FALSE(suspects.IsCondemned("a"));
}

}  // namespace
}  // namespace slipway::agent
