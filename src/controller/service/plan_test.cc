#include "controller/service/plan.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace slipway::controller {
namespace {

const std::string kDigestA = "sha256:" + std::string(64, 'a');
const std::string kDigestB = "sha256:" + std::string(64, 'b');

std::string ModelOf(const std::string& digest) {
  return "default/fraud:v1@" + digest;
}

Service MakeService(const std::string& digest = kDigestA) {
  Service service;
  service.metadata.project = "default";
  service.metadata.name = "fraud";
  service.metadata.generation = 7;
  service.spec.predictor.model = ModelOf(digest);
  return service;
}

Revision MakeRevision(int64_t number, std::string phase, const std::string& digest = kDigestA) {
  Revision revision;
  revision.metadata.name = RevisionName("fraud", number);
  revision.spec.service = "fraud";
  revision.spec.number = number;
  revision.spec.predictor.model = ModelOf(digest);
  revision.spec.manifest_digest = digest;
  revision.status.phase = std::move(phase);
  return revision;
}

Revision Failed(int64_t number, const std::string& digest) {
  Revision revision = MakeRevision(number, "Failed", digest);
  revision.status.conditions = {{.type = "Ready",
                                 .status = "False",
                                 .reason = "MODEL_INVALID",
                                 .message = "byte 7 is wrong",
                                 .changed_at = ""}};
  return revision;
}

Revision Unknown(int64_t number, const std::string& digest) {
  Revision revision = MakeRevision(number, "Unknown", digest);
  revision.status.conditions = {{.type = "Ready",
                                 .status = "Unknown",
                                 .reason = "NOT_ANSWERING",
                                 .message = "The data plane has not answered for 5 s.",
                                 .changed_at = ""}};
  return revision;
}

TEST(PlanService, WhatDoesNotAnswerIsNotReadyAndKeepsItsPlace) {
  Service service = MakeService();
  service.status.ready_revision = 1;
  const auto plan = PlanService(service, {Unknown(1, kDigestA)}, {});
  ASSERT_TRUE(plan.has_value());
  EXPECT_FALSE(plan->create.has_value());
  EXPECT_TRUE(plan->retire.empty());
  EXPECT_EQ(plan->status.phase, "Unknown");
  EXPECT_EQ(plan->status.ready_revision, 1);
  ASSERT_EQ(plan->status.conditions.size(), 1U);
  EXPECT_EQ(plan->status.conditions[0].status, "Unknown");
  EXPECT_EQ(plan->status.conditions[0].reason, "NOT_ANSWERING");
  EXPECT_EQ(plan->status.conditions[0].message,
            "revision 1 does not answer: The data plane has not answered for 5 s.");
}

TEST(PlanService, OfAReadyRevisionThatDoesNotAnswerNobodySaysThatItDoes) {
  Service service = MakeService(kDigestB);
  service.status.ready_revision = 1;
  const auto plan = PlanService(service, {Unknown(1, kDigestA), Failed(2, kDigestB)}, {});
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->status.phase, "Degraded");
  EXPECT_EQ(plan->status.conditions[0].message,
            "revision 2 failed: byte 7 is wrong; revision 1 does not answer");
}

TEST(PlanService, MakesTheFirstRevision) {
  const auto plan = PlanService(MakeService(), {}, {});
  ASSERT_TRUE(plan.has_value());
  ASSERT_TRUE(plan->create.has_value());
  EXPECT_EQ(plan->create->number, 1);
  EXPECT_EQ(plan->create->repository, "default/fraud");
  EXPECT_EQ(plan->create->manifest_digest, kDigestA);
  EXPECT_EQ(plan->status.phase, "Pending");
  EXPECT_EQ(plan->status.latest_revision, 1);
  EXPECT_EQ(plan->status.ready_revision, 0);
  EXPECT_EQ(plan->status.observed_generation, 7U);
  EXPECT_EQ(plan->status.url, "/v2/models/fraud");
}

TEST(PlanService, TellsWhereTheServiceIs) {
  Service service = MakeService();
  service.metadata.project = "one";
  EXPECT_EQ(PlanService(service, {}, {})->status.url, "/p/one/v2/models/fraud");
  service.spec.predictor.program = {.python = {},
                                    .ref = {},
                                    .command = {"serve"},
                                    .image = {},
                                    .protocol = resource::ProgramProtocol::kHttp,
                                    .ready_path = {},
                                    .start_timeout = {}};
  EXPECT_EQ(PlanService(service, {}, {})->status.url, "/p/one/services/fraud");
}

TEST(PlanService, ChangesNothingWhenTheLatestIsWhatIsAskedFor) {
  const auto plan = PlanService(MakeService(), {MakeRevision(1, "Ready")}, {});
  ASSERT_TRUE(plan.has_value());
  EXPECT_FALSE(plan->create.has_value());
  EXPECT_TRUE(plan->retire.empty());
  EXPECT_EQ(plan->status.phase, "Ready");
  EXPECT_EQ(plan->status.ready_revision, 1);
  EXPECT_EQ(plan->status.conditions.at(0).status, "True");
}

TEST(PlanService, AChangedModelMakesANewRevisionWhileTheOldServes) {
  const auto plan = PlanService(MakeService(kDigestB), {MakeRevision(1, "Ready")}, {});
  ASSERT_TRUE(plan.has_value());
  ASSERT_TRUE(plan->create.has_value());
  EXPECT_EQ(plan->create->number, 2);
  EXPECT_TRUE(plan->retire.empty());
  EXPECT_EQ(plan->status.phase, "Progressing");
  EXPECT_EQ(plan->status.ready_revision, 1);
  EXPECT_EQ(plan->status.latest_revision, 2);
}

TEST(PlanService, ChangedThreadsMakeANewRevision) {
  Service service = MakeService();
  service.spec.predictor.threads = 2;
  const auto plan = PlanService(service, {MakeRevision(1, "Ready")}, {});
  ASSERT_TRUE(plan.has_value());
  ASSERT_TRUE(plan->create.has_value());
  EXPECT_EQ(plan->create->predictor.threads, 2);
}

TEST(PlanService, TheOldIsRetiredWhenTheNewIsReady) {
  const auto plan = PlanService(MakeService(kDigestB),
                                {MakeRevision(2, "Ready", kDigestB), MakeRevision(1, "Ready")}, {});
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->retire, std::vector<std::string>{"fraud-1"});
  EXPECT_EQ(plan->status.ready_revision, 2);
  EXPECT_EQ(plan->status.phase, "Ready");
}

TEST(PlanService, ARevisionThatIsSupersededBeforeItWasReadyIsRetired) {
  const auto plan = PlanService(MakeService(kDigestA),
                                {MakeRevision(1, "Ready", "sha256:" + std::string(64, 'c')),
                                 MakeRevision(2, "Loading", kDigestB)},
                                {});
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->create->number, 3);
  EXPECT_EQ(plan->retire, std::vector<std::string>{"fraud-2"});
  EXPECT_EQ(plan->status.ready_revision, 1);
}

TEST(PlanService, AFailedRevisionLeavesTheOldServingAndSaysWhy) {
  const auto plan =
      PlanService(MakeService(kDigestB), {MakeRevision(1, "Ready"), Failed(2, kDigestB)}, {});
  ASSERT_TRUE(plan.has_value());
  EXPECT_FALSE(plan->create.has_value());
  EXPECT_TRUE(plan->retire.empty());
  EXPECT_EQ(plan->status.phase, "Degraded");
  EXPECT_EQ(plan->status.ready_revision, 1);
  const resource::Condition& condition = plan->status.conditions.at(0);
  EXPECT_EQ(condition.status, "False");
  EXPECT_EQ(condition.reason, "MODEL_INVALID");
  EXPECT_EQ(condition.message, "revision 2 failed: byte 7 is wrong; revision 1 still answers");
}

TEST(PlanService, ARevisionThatWaitsSaysForWhat) {
  Revision waiting = MakeRevision(2, "Fetching", kDigestB);
  waiting.status.conditions = {{.type = "Ready",
                                .status = "Unknown",
                                .reason = "DISK_FULL",
                                .message = "the disk is full",
                                .changed_at = ""}};
  const auto plan = PlanService(MakeService(kDigestB), {MakeRevision(1, "Ready"), waiting}, {});
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->status.phase, "Progressing");
  const resource::Condition& condition = plan->status.conditions.at(0);
  EXPECT_EQ(condition.status, "False");
  EXPECT_EQ(condition.reason, "DISK_FULL");
  EXPECT_EQ(condition.message,
            "revision 2 is not ready yet: the disk is full; revision 1 still answers");
}

TEST(PlanService, TheFirstRevisionMayFailToo) {
  const auto plan = PlanService(MakeService(), {Failed(1, kDigestA)}, {});
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->status.phase, "Failed");
  EXPECT_EQ(plan->status.ready_revision, 0);
}

TEST(PlanService, ARevisionThatIsLoadedAgainKeepsItsPlace) {
  Service service = MakeService();
  service.status.ready_revision = 1;
  const auto plan = PlanService(service, {MakeRevision(1, "Loading")}, {});
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->status.ready_revision, 1);
  EXPECT_EQ(plan->status.phase, "Progressing");
}

TEST(PlanService, GoingBackMakesANewRevision) {
  const auto plan = PlanService(
      MakeService(kDigestA), {MakeRevision(1, "Retired"), MakeRevision(2, "Ready", kDigestB)}, {});
  ASSERT_TRUE(plan.has_value());
  ASSERT_TRUE(plan->create.has_value());
  EXPECT_EQ(plan->create->number, 3);
  EXPECT_EQ(plan->create->manifest_digest, kDigestA);
}

TEST(PlanService, NumbersAreNeverGivenTwice) {
  Service service = MakeService();
  service.status.latest_revision = 5;
  const auto plan = PlanService(service, {}, {});
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->create->number, 6);
}

TEST(PlanService, KeepsTheLastTenAndTheOneInUse) {
  std::vector<Revision> revisions = {MakeRevision(1, "Retired"), MakeRevision(2, "Ready")};
  for (int64_t number = 3; number <= 13; ++number) {
    revisions.push_back(Failed(number, kDigestB));
  }
  const auto plan = PlanService(MakeService(kDigestB), revisions, {});
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->remove, (std::vector<std::string>{"fraud-1", "fraud-3"}));
}

TEST(PlanService, AFollowedTagThatMovedMakesANewRevision) {
  Service service = MakeService(kDigestA);
  service.spec.follow = true;
  const FollowedTags moved = {{"default/fraud:v1", Digest::Parse(kDigestB).value()}};
  const auto plan = PlanService(service, {MakeRevision(1, "Ready")}, moved);
  ASSERT_TRUE(plan.has_value());
  ASSERT_TRUE(plan->create.has_value());
  EXPECT_EQ(plan->create->manifest_digest, kDigestB);
  const auto again =
      PlanService(service, {MakeRevision(1, "Retired"), MakeRevision(2, "Ready", kDigestB)}, moved);
  EXPECT_FALSE(again->create.has_value());
}

TEST(PlanService, AFollowedTagThatIsGoneChangesNothing) {
  Service service = MakeService(kDigestA);
  service.spec.follow = true;
  Revision second = MakeRevision(2, "Ready", kDigestB);
  second.spec.repository = "default/fraud";
  const auto plan = PlanService(service, {MakeRevision(1, "Retired"), second}, {});
  ASSERT_TRUE(plan.has_value());
  EXPECT_FALSE(plan->create.has_value());
  EXPECT_EQ(plan->status.model_digest, kDigestB);
}

// A service of a program with two models, and its revision.
Service WithProgram() {
  Service service = MakeService();
  service.spec.predictor.model.clear();
  service.spec.predictor.models = {{"default/detect:v1@" + kDigestA, "detector"},
                                   {"default/labels:v1@" + kDigestB, "labels"}};
  service.spec.predictor.program =
      resource::ProgramSettings{.python = "default/code:v1@" + kDigestB};
  return service;
}

Revision Made(const resource::RevisionSpec& spec) {
  Revision revision = MakeRevision(spec.number, "Ready");
  revision.spec = spec;
  return revision;
}

TEST(PlanService, ARevisionOfAProgramNamesAllItsPackages) {
  const auto plan = PlanService(WithProgram(), {}, {});
  ASSERT_TRUE(plan.has_value());
  ASSERT_TRUE(plan->create.has_value());
  using resource::RevisionPackage;
  EXPECT_EQ(plan->create->mounts,
            (std::vector<RevisionPackage>{{"detector", "default/detect", kDigestA},
                                          {"labels", "default/labels", kDigestB}}));
  EXPECT_EQ(plan->create->program, (RevisionPackage{"", "default/code", kDigestB}));
  EXPECT_EQ(plan->create->repository, "default/detect");
  EXPECT_EQ(plan->create->manifest_digest, kDigestA);
  EXPECT_FALSE(PlanService(WithProgram(), {Made(*plan->create)}, {})->create.has_value());
  Service both = WithProgram();
  both.spec.predictor.model = ModelOf(kDigestA);
  const auto with_main = PlanService(both, {}, {});
  EXPECT_EQ(with_main->create->mounts.at(0), (RevisionPackage{"model", "default/fraud", kDigestA}));
  EXPECT_EQ(with_main->create->mounts.size(), 3U);
}

TEST(PlanService, AnyTagOfAFollowingServiceThatMovesMakesARevision) {
  const std::string moved = "sha256:" + std::string(64, 'c');
  Service service = WithProgram();
  service.spec.follow = true;
  const FollowedTags before = {{"default/detect:v1", Digest::Parse(kDigestA).value()},
                               {"default/labels:v1", Digest::Parse(kDigestB).value()},
                               {"default/code:v1", Digest::Parse(kDigestB).value()}};
  const auto first = PlanService(service, {}, before);
  const Revision made = Made(*first->create);
  EXPECT_FALSE(PlanService(service, {made}, before)->create.has_value());
  for (const auto& [tag, digest] : before) {
    FollowedTags after = before;
    after.insert_or_assign(tag, Digest::Parse(moved).value());
    const auto plan = PlanService(service, {made}, after);
    ASSERT_TRUE(plan->create.has_value()) << tag;
    const std::string text = Encode(plan->create->predictor).dump();
    EXPECT_NE(text.find(tag + "@" + moved), std::string::npos) << text;
    after.erase(tag);
    EXPECT_FALSE(PlanService(service, {Made(*plan->create)}, after)->create.has_value())
        << tag << " is gone and stays what it was";
  }
}

TEST(PlanService, AModelThatIsNotPinnedIsRefused) {
  Service service = MakeService();
  service.spec.predictor.model = "default/fraud:v1";
  EXPECT_EQ(PlanService(service, {}, {}).error().reason(), "MODEL_NOT_PINNED");
}

// The status of a condition and its message.
std::string Told(const ServicePlan& plan, std::string_view type) {
  for (const resource::Condition& condition : plan.status.conditions) {
    if (condition.type == type) return condition.status + ": " + condition.message;
  }
  return "";
}

TEST(PlanService, WhatTheTrafficNamesStaysAndComesBack) {
  Service service = MakeService(kDigestB);
  service.status.ready_revision = 14;
  service.spec.traffic = routing::TrafficSpec{
      .split = {{.revision = 2, .weight = 9'000}, {.revision = 3, .weight = 1'000}}};
  const auto plan =
      PlanService(service,
                  {MakeRevision(1, "Retired"), MakeRevision(2, "Ready"), MakeRevision(3, "Retired"),
                   MakeRevision(13, "Ready"), MakeRevision(14, "Ready", kDigestB)},
                  {});
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->revive, std::vector<std::string>{"fraud-3"});
  EXPECT_EQ(plan->retire, std::vector<std::string>{"fraud-13"});
  EXPECT_EQ(plan->remove, std::vector<std::string>{"fraud-1"});
  EXPECT_EQ(plan->status.phase, "Ready");
  EXPECT_EQ(Told(*plan, "Ready"),
            "True: revision 14 is ready, and spec.traffic.split gives it nothing");
  EXPECT_EQ(Told(*plan, "Traffic"),
            "False: revision 2 gets 100 %; not ready, so that others have their shares: revision "
            "3");
}

TEST(PlanService, TheStatusTellsTheShares) {
  Service service = MakeService();
  service.spec.traffic = routing::TrafficSpec{
      .split = {{.revision = 1, .weight = 9'000}, {.revision = 2, .weight = 1'000}}};
  const auto plan = PlanService(service, {MakeRevision(1, "Ready"), MakeRevision(2, "Ready")}, {});
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(Told(*plan, "Ready"), "True: revision 2 answers");
  EXPECT_EQ(Told(*plan, "Traffic"), "True: revision 1 gets 90 %, revision 2 gets 10 %");
}

}  // namespace
}  // namespace slipway::controller
