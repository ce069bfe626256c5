#include "controller/service/rollback.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "runtime/site_state.h"

namespace slipway::controller {
namespace {

Revision MakeRevision(int64_t number, std::string_view phase, std::string_view ready,
                      int64_t load_ms = 0) {
  Revision revision;
  revision.spec.number = number;
  revision.spec.predictor.model = "default/fraud:v" + std::to_string(number);
  revision.status.phase = phase;
  revision.status.load_ms = load_ms;
  revision.status.conditions = {{.type = "Ready", .status = std::string(ready)}};
  return revision;
}

int64_t PreviousOf(int64_t wanted, const std::vector<Revision>& revisions, bool follow = false) {
  resource::ServiceSpec spec;
  spec.follow = follow;
  spec.predictor.model = "default/fraud:v" + std::to_string(wanted);
  const Revision* previous = PreviousRevision(spec, revisions);
  return previous == nullptr ? 0 : previous->spec.number;
}

TEST(PreviousRevisionTest, IsTheNewestOtherThatWasReady) {
  const std::vector<Revision> revisions = {MakeRevision(3, runtime::kPhaseReady, "True"),
                                           MakeRevision(2, runtime::kPhaseRetired, "True", 4),
                                           MakeRevision(1, runtime::kPhaseRetired, "True", 4)};
  EXPECT_EQ(PreviousOf(3, revisions), 2);
  EXPECT_EQ(PreviousOf(2, revisions), 3);
  EXPECT_EQ(PreviousOf(4, revisions), 3);
  EXPECT_EQ(PreviousOf(1, {}), 0);
}

TEST(PreviousRevisionTest, AServiceThatFollowsATagGoesBackFromWhatTheTagSaidLast) {
  const std::vector<Revision> revisions = {MakeRevision(2, runtime::kPhaseReady, "True"),
                                           MakeRevision(1, runtime::kPhaseRetired, "True", 4)};
  constexpr bool kFollow = true;
  EXPECT_EQ(PreviousOf(1, revisions, kFollow), 1) << "its spec is pinned to what it began with";
  EXPECT_EQ(PreviousOf(1, {}, kFollow), 0);
}

TEST(PreviousRevisionTest, AModelThatLoadedWithinAMillisecondWasReadyToo) {
  EXPECT_EQ(PreviousOf(2, {MakeRevision(1, runtime::kPhaseRetired, "True", 0)}), 1);
}

TEST(PreviousRevisionTest, WhatNeverLoadedIsNoWayBack) {
  EXPECT_EQ(PreviousOf(3, {MakeRevision(2, runtime::kPhaseFailed, "False"),
                           MakeRevision(1, runtime::kPhaseRetired, "False")}),
            0);
  EXPECT_EQ(PreviousOf(3, {MakeRevision(2, runtime::kPhaseFailed, "False", 7)}), 2)
      << "it served before it failed";
}

}  // namespace
}  // namespace slipway::controller
