#include "controller/service/canary.h"

#include <gtest/gtest.h>

namespace slipway::controller {
namespace {

using resource::CanaryStatus;
using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string kModel = "default/fraud:v1@sha256:" + std::string(64, 'a');

Revision MakeRevision(int64_t number, std::string phase) {
  Revision revision;
  revision.metadata.name = RevisionName("fraud", number);
  revision.metadata.uid = "uid-" + std::to_string(number);
  revision.spec.service = "fraud";
  revision.spec.number = number;
  revision.spec.predictor.model = kModel;
  revision.spec.predictor.threads = static_cast<int32_t>(number);
  revision.spec.manifest_digest = "sha256:" + std::string(64, 'a');
  revision.status.phase = std::move(phase);
  return revision;
}

// Revision 1 serves, 2 is on its way; 10 requests a second reach each that has a share.
class CanaryTest : public testing::Test {
 protected:
  CanaryTest() {
    service_.metadata.project = "default";
    service_.metadata.name = "fraud";
    service_.spec.predictor = revisions_[1].spec.predictor;
    service_.spec.canary = resource::CanarySpec{
        .steps = {{.weight = 500, .hold = "30s"}, {.weight = 5'000, .hold = "60s"}},
        .conditions = {{.metric = "errorRate", .max = 0.1}},
        .min_requests = 20};
    service_.status.ready_revision = 1;
    service_.status.latest_revision = 2;
    service_.status.canary = CanaryStatus{.phase = "Idle", .stable = 1};
    for (const int64_t number : {1, 2}) {
      figures_["uid-" + std::to_string(number)].since_ms = 1;
    }
  }

  // Plans as the controller does, and keeps what that writes.
  const CanaryStatus& Plan() {
    const auto plan =
        PlanService(service_, revisions_, {},
                    {.figures = std::make_shared<const FiguresByUid>(figures_), .now = now_});
    EXPECT_TRUE(plan.has_value());
    if (!(Encode(plan->status) == Encode(service_.status))) ++writes_;
    service_.status = plan->status;
    plan_ = *plan;
    for (const std::string& name : plan->retire) SetPhase(name, "Retired");
    for (const std::string& name : plan->revive) SetPhase(name, "Pending");
    return *service_.status.canary;
  }

  void SetPhase(const std::string& name, const std::string& phase) {
    for (Revision& revision : revisions_) {
      if (revision.metadata.name == name) revision.status.phase = phase;
    }
  }

  const CanaryStatus& After(int for_seconds, uint64_t failures_a_second = 0) {
    for (int i = 0; i < for_seconds; ++i) {
      now_ += seconds(1);
      for (auto& [uid, figures] : figures_) figures.requests += 10;
      figures_["uid-2"].failures += failures_a_second;
      Plan();
    }
    return *service_.status.canary;
  }

  std::vector<routing::SplitPart> Split() const {
    return resource::TrafficOf(service_.spec, service_.status)->split;
  }

  Service service_;
  std::vector<Revision> revisions_ = {MakeRevision(1, "Ready"), MakeRevision(2, "Loading")};
  FiguresByUid figures_;
  WallTime now_{milliseconds(1'700'000'000'000)};
  ServicePlan plan_;
  int writes_ = 0;
};

TEST_F(CanaryTest, TheFirstRevisionHasNoSteps) {
  revisions_ = {MakeRevision(1, "Ready")};
  service_.spec.predictor = revisions_[0].spec.predictor;
  service_.status = {};
  EXPECT_EQ(Plan().phase, "Idle");
  EXPECT_EQ(service_.status.canary->stable, 1);
  EXPECT_EQ(service_.status.phase, "Ready");
}

TEST_F(CanaryTest, NothingReachesARevisionThatIsNotReady) {
  EXPECT_EQ(Plan().phase, "Waiting");
  EXPECT_EQ(service_.status.ready_revision, 1);
  ASSERT_EQ(Split().size(), 1U);
  EXPECT_EQ(Split()[0].revision, 1);
  revisions_[1].status.phase = "Ready";
  EXPECT_EQ(Plan().phase, "Progressing");
  EXPECT_EQ(service_.status.ready_revision, 1) << "the newest is ready, and still on trial";
  ASSERT_EQ(Split().size(), 2U);
  EXPECT_EQ(Split()[0].weight, 9'500);
  EXPECT_EQ(Split()[1].revision, 2);
  EXPECT_EQ(Split()[1].weight, 500);
  EXPECT_TRUE(plan_.retire.empty());
}

TEST_F(CanaryTest, GoesThroughItsStepsAndIsPromoted) {
  revisions_[1].status.phase = "Ready";
  Plan();
  EXPECT_EQ(After(29).step, 1);
  EXPECT_EQ(After(1).step, 2);
  EXPECT_EQ(service_.status.canary->weight, 5'000);
  EXPECT_NE(service_.status.canary->message.find("step 1 of 2 passed with 300 requests"),
            std::string::npos)
      << service_.status.canary->message;
  EXPECT_EQ(After(59).step, 2);
  EXPECT_EQ(After(1).phase, "Promoted");
  EXPECT_EQ(service_.status.canary->stable, 2);
  EXPECT_EQ(service_.status.ready_revision, 2);
  EXPECT_EQ(service_.status.phase, "Ready");
  EXPECT_EQ(revisions_[0].status.phase, "Retired");
  EXPECT_EQ(Split().size(), 1U);
  EXPECT_EQ(Split()[0].revision, 2);
  EXPECT_EQ(After(5).phase, "Promoted");
}

TEST_F(CanaryTest, WritesNowAndThenAlone) {
  revisions_[1].status.phase = "Ready";
  Plan();
  writes_ = 0;
  After(25);
  EXPECT_LE(writes_, 3);
  EXPECT_NE(plan_.canary_progress.find("step 1 of 2, 5 % for 25 s of 30 s, 250 requests"),
            std::string::npos)
      << plan_.canary_progress;
}

TEST_F(CanaryTest, IsRolledBackAsSoonAsAConditionIsViolated) {
  revisions_[1].status.phase = "Ready";
  Plan();
  EXPECT_EQ(After(1, 9).phase, "Progressing") << "10 requests are too few";
  EXPECT_EQ(After(1, 9).phase, "RolledBack");
  EXPECT_EQ(service_.status.canary->reason, "CONDITION_VIOLATED");
  EXPECT_EQ(service_.status.canary->message,
            "revision 2 was rolled back: errorRate 0.9 is above 0.1 in 20 requests of step 1 of 2 "
            "(5 %); revision 1 has all requests");
  EXPECT_EQ(service_.status.phase, "Degraded");
  EXPECT_EQ(service_.status.conditions[0].message, service_.status.canary->message);
  EXPECT_EQ(revisions_[1].status.phase, "Retired") << "it goes from memory";
  EXPECT_EQ(Split().size(), 1U);
  EXPECT_EQ(After(5).phase, "RolledBack");
}

// Also where a rule or a shadow names it: what was rolled back stays so, and nothing is written.
TEST_F(CanaryTest, OneThatIsNamedStaysRolledBack) {
  routing::ConditionSpec condition;
  condition.header = "x-beta";
  condition.exact = "1";
  routing::TrafficSpec rule;
  rule.rules.emplace_back();
  rule.rules[0].name = "beta";
  rule.rules[0].when = {condition};
  rule.rules[0].split = {{.revision = 2}};
  routing::TrafficSpec shadow;
  shadow.shadow.emplace();
  shadow.shadow->revision = 2;
  for (const routing::TrafficSpec& traffic : {rule, shadow}) {
    for (const bool by_hand : {false, true}) {
      service_.spec.traffic = traffic;
      service_.status.canary = CanaryStatus{.phase = "Idle", .stable = 1};
      service_.spec.canary->abort = 0;
      revisions_[1].status.phase = "Ready";
      Plan();
      if (by_hand) service_.spec.canary->abort = 2;
      EXPECT_EQ(After(3, by_hand ? 0 : 10).phase, "RolledBack");
      const int writes = writes_;
      EXPECT_EQ(After(5).phase, "RolledBack");
      EXPECT_EQ(revisions_[1].status.phase, "Retired");
      EXPECT_EQ(writes_, writes);
    }
  }
}

TEST_F(CanaryTest, ADataPlaneThatStartsAnewLosesNothing) {
  revisions_[1].status.phase = "Ready";
  Plan();
  After(12);
  revisions_[1].status.phase = "Loading";
  figures_.clear();
  now_ += seconds(3'600);
  Plan();
  EXPECT_EQ(service_.status.canary->phase, "Progressing");
  EXPECT_EQ(service_.status.canary->observed_ms, 0);
  ASSERT_EQ(Split().size(), 2U) << "its share waits for it";
  revisions_[1].status.phase = "Ready";
  for (const int64_t number : {1, 2}) {
    figures_["uid-" + std::to_string(number)] = {.since_ms = 2};
  }
  EXPECT_EQ(After(15).step, 1) << "an hour without figures is no time that it held";
  EXPECT_EQ(service_.status.canary->measured->sum.requests, 100 + 10 * 11)
      << "what was written after 10 s, and what the new one had counted after 11";
  EXPECT_EQ(After(30).step, 2);
}

TEST_F(CanaryTest, AControlCentreThatStartsAnewGoesOn) {
  revisions_[1].status.phase = "Ready";
  Plan();
  After(15);
  // Nothing is known but what was written, until the first report.
  const CanaryStatus written = *service_.status.canary;
  const auto plan = PlanService(service_, revisions_, {}, {.figures = {}, .now = now_});
  EXPECT_EQ(Encode(*plan->status.canary), Encode(written));
  now_ += seconds(600);
  After(1);
  EXPECT_EQ(service_.status.canary->step, 1);
  EXPECT_LT(service_.status.canary->held_ms, 20'000) << "nobody watched these 10 minutes";
  EXPECT_GE(service_.status.canary->measured->sum.requests, 150);
}

TEST_F(CanaryTest, WaitsForRequestsHoweverLongItTakes) {
  revisions_[1].status.phase = "Ready";
  service_.spec.canary->min_requests = 1'000;
  Plan();
  EXPECT_EQ(After(90).step, 1);
  EXPECT_NE(plan_.canary_progress.find("for 30 s of 30 s, 900 requests; waits: 900 of 1000"),
            std::string::npos)
      << plan_.canary_progress;
  EXPECT_EQ(After(10).step, 2);
}

TEST_F(CanaryTest, APauseHoldsAgainstEverything) {
  revisions_[1].status.phase = "Ready";
  Plan();
  After(5);
  service_.spec.canary->paused = true;
  EXPECT_EQ(After(300).phase, "Paused");
  EXPECT_EQ(service_.status.canary->step, 1);
  EXPECT_EQ(service_.status.phase, "Progressing");
  EXPECT_EQ(After(60, 10).phase, "Paused") << "nothing is decided either";
  EXPECT_EQ(Split()[1].weight, 500);
  service_.spec.canary->paused = false;
  service_.spec.canary->conditions.clear();
  EXPECT_EQ(After(1).phase, "Progressing");
  EXPECT_EQ(After(30).step, 2);
}

TEST_F(CanaryTest, PromotedByHandAtOnceOrAsSoonAsItIsReady) {
  service_.spec.canary->promote = 2;
  EXPECT_EQ(Plan().phase, "Waiting");
  revisions_[1].status.phase = "Ready";
  EXPECT_EQ(Plan().phase, "Promoted");
  EXPECT_EQ(service_.status.canary->reason, "PROMOTED_BY_HAND");
  EXPECT_EQ(service_.status.ready_revision, 2);
}

TEST_F(CanaryTest, ADecisionForAnotherRevisionIsNoneForThisOne) {
  revisions_[1].status.phase = "Ready";
  service_.spec.canary->promote = 1;
  service_.spec.canary->abort = 3;
  Plan();
  EXPECT_EQ(After(5).phase, "Progressing");
}

TEST_F(CanaryTest, AbortedByHandAndTriedAgain) {
  revisions_[1].status.phase = "Ready";
  Plan();
  service_.spec.canary->abort = 2;
  EXPECT_EQ(Plan().phase, "RolledBack");
  EXPECT_EQ(service_.status.canary->reason, "ABORTED");
  EXPECT_EQ(revisions_[1].status.phase, "Retired");
  // What a retry does.
  service_.spec.canary->abort = 0;
  revisions_[1].status.phase = "Pending";
  EXPECT_EQ(Plan().phase, "Waiting");
  revisions_[1].status.phase = "Ready";
  EXPECT_EQ(Plan().phase, "Progressing");
}

TEST_F(CanaryTest, OneThatWasRolledBackCanBePromotedAllTheSame) {
  revisions_[1].status.phase = "Ready";
  Plan();
  EXPECT_EQ(After(3, 10).phase, "RolledBack");
  service_.spec.canary->promote = 2;
  EXPECT_EQ(Plan().phase, "Waiting");
  EXPECT_EQ(revisions_[1].status.phase, "Pending");
  revisions_[1].status.phase = "Ready";
  EXPECT_EQ(Plan().phase, "Promoted");
}

TEST_F(CanaryTest, ARevisionThatDoesNotLoadIsRolledBackWithItsReason) {
  revisions_[1].status.phase = "Failed";
  revisions_[1].status.conditions = {
      {.type = "Ready", .status = "False", .reason = "R", .message = "byte 7 is wrong"}};
  EXPECT_EQ(Plan().reason, "REVISION_FAILED");
  EXPECT_NE(service_.status.canary->message.find("byte 7 is wrong"), std::string::npos);
  EXPECT_EQ(revisions_[1].status.phase, "Failed") << "it can still be asked for its reason";
  revisions_[1].status.phase = "Pending";
  EXPECT_EQ(Plan().phase, "Waiting");
}

TEST_F(CanaryTest, ANewerRevisionTakesThePlaceOfOneOnTrial) {
  revisions_[1].status.phase = "Ready";
  Plan();
  After(5);
  revisions_.push_back(MakeRevision(3, "Loading"));
  service_.spec.predictor = revisions_[2].spec.predictor;
  EXPECT_EQ(Plan().revision, 3);
  EXPECT_EQ(service_.status.canary->phase, "Waiting");
  EXPECT_EQ(service_.status.canary->stable, 1);
  EXPECT_EQ(revisions_[1].status.phase, "Retired");
  EXPECT_EQ(Split().size(), 1U);
}

TEST_F(CanaryTest, WithoutACanaryTheNewestHasAll) {
  revisions_[1].status.phase = "Ready";
  Plan();
  After(5);
  service_.spec.canary.reset();
  const auto plan = PlanService(service_, revisions_, {});
  EXPECT_FALSE(plan->status.canary.has_value());
  EXPECT_EQ(plan->status.ready_revision, 2);
}

TEST_F(CanaryTest, WithoutItsCanaryWhatWasRolledBackComesBack) {
  revisions_[1].status.phase = "Ready";
  Plan();
  EXPECT_EQ(After(3, 10).phase, "RolledBack");
  service_.spec.canary.reset();
  const auto plan = PlanService(service_, revisions_, {});
  EXPECT_EQ(plan->revive, std::vector<std::string>{revisions_[1].metadata.name});
}

TEST_F(CanaryTest, AWallClockThatJumpsDecidesNothing) {
  revisions_[1].status.phase = "Ready";
  Plan();
  After(5);
  now_ -= seconds(7'200);
  After(1);
  now_ += seconds(7'200);
  EXPECT_EQ(After(1).step, 1);
  EXPECT_LT(service_.status.canary->held_ms, 10'000);
}

}  // namespace
}  // namespace slipway::controller
