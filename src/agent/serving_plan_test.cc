#include "agent/serving_plan.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace slipway::agent {
namespace {

using runtime::DesiredRevision;
using runtime::DesiredState;
using runtime::ServingConfig;
using runtime::ServingStatus;

const std::string kDigest = "sha256:" + std::string(64, 'a');

DesiredRevision MakeRevision(int64_t number) {
  return {.number = number,
          .uid = "uid-" + std::to_string(number),
          .name = "fraud-" + std::to_string(number),
          .repository = "default/fraud",
          .manifest_digest = kDigest,
          .threads = 2,
          .instances = 3,
          .batching = runtime::BatchingSettings{.max_batch_size = 8}};
}

DesiredState DesiredOf(const std::vector<int64_t>& numbers) {
  DesiredState desired;
  desired.services.push_back(
      {.project = "default",
       .name = "fraud",
       .access = "token",
       .keys = {{.sha256 = "hash", .expires_at_ms = 5, .name = "camera", .limits = {}}}});
  for (int64_t number : numbers) desired.services[0].revisions.push_back(MakeRevision(number));
  return desired;
}

RevisionState Done(const std::string& path) {
  return {.preparation = Preparation::kDone,
          .model = {.path = path, .format = "onnx", .model_file = "model.onnx"}};
}

std::vector<int64_t> NumbersIn(const ServingConfig& config) {
  std::vector<int64_t> out;
  for (const auto& revision : config.services.at(0).revisions) out.push_back(revision.number);
  return out;
}

ServingConfig Plan(const DesiredState& desired, const RevisionStates& states,
                   const ServingConfig& served = {}) {
  LoadSuspects suspects;
  return PlanServing(desired, states, suspects, served, {});
}

TEST(PlanServingTest, PreparedRevisionsAreServed) {
  ServingConfig config = Plan(DesiredOf({1, 2}), {{"uid-1", Done("/a")}, {"uid-2", {}}});
  EXPECT_EQ(NumbersIn(config), std::vector<int64_t>{1});
  const auto& service = config.services[0];
  EXPECT_EQ(service.access, "token");
  EXPECT_EQ(service.keys[0].sha256, "hash");
  const auto& revision = service.revisions[0];
  EXPECT_EQ(revision.uid, "uid-1");
  EXPECT_EQ(revision.path, "/a");
  EXPECT_EQ(revision.model_file, "model.onnx");
  EXPECT_EQ(revision.format, "onnx");
  EXPECT_EQ(revision.digest, kDigest);
  EXPECT_EQ(revision.threads, 2);
  EXPECT_EQ(revision.instances, 3);
  EXPECT_EQ(revision.batching, runtime::BatchingSettings{.max_batch_size = 8});
}

TEST(PlanServingTest, ServiceWithoutPreparedRevisionsIsThereAndEmpty) {
  ServingConfig config = Plan(DesiredOf({1}), {});
  ASSERT_EQ(config.services.size(), 1U);
  EXPECT_TRUE(config.services[0].revisions.empty());
}

TEST(PlanServingTest, WhatIsServedStaysWhileANewAgentPreparesItAgain) {
  ServingConfig served = Plan(DesiredOf({1}), {{"uid-1", Done("/a")}});
  RevisionState failed{.preparation = Preparation::kFailed, .reason = "X", .message = "y"};
  EXPECT_EQ(NumbersIn(Plan(DesiredOf({1, 2}), {{"uid-1", {}}}, served)), std::vector<int64_t>{1});
  EXPECT_EQ(NumbersIn(Plan(DesiredOf({1}), {{"uid-1", failed}}, served)), std::vector<int64_t>{1});
  EXPECT_EQ(NumbersIn(Plan(DesiredOf({2}), {}, served)), std::vector<int64_t>{})
      << "what is not desired goes";
}

TEST(PlanServingTest, TrafficGoesAsItIsWhateverIsPrepared) {
  DesiredState desired = DesiredOf({1, 2});
  desired.services[0].traffic = routing::TrafficSpec{.split = {{1, 5'000}, {2, 5'000}}};
  const ServingConfig config = Plan(desired, {{"uid-1", Done("/a")}, {"uid-2", {}}});
  EXPECT_EQ(NumbersIn(config), std::vector<int64_t>{1});
  ASSERT_TRUE(config.services[0].traffic.has_value());
  EXPECT_EQ(config.services[0].traffic->split.size(), 2U);
}

struct ReportCase {
  const char* what;
  RevisionState state;
  std::string measured_phase;  // empty: serve does not know it
  std::string phase;
  std::string reason;
};

TEST(PlanReportsTest, Table) {
  RevisionState waiting;
  RevisionState retrying{.reason = "UNREACHABLE", .message = "later"};
  RevisionState running{.preparation = Preparation::kRunning};
  RevisionState failed{.preparation = Preparation::kFailed, .reason = "BROKEN", .message = "no"};
  const ReportCase cases[] = {
      {"nobody has begun", waiting, "", "Pending", ""},
      {"waits for its next try", retrying, "", "Fetching", "UNREACHABLE"},
      {"is fetched", running, "", "Fetching", ""},
      {"cannot be prepared", failed, "", "Failed", "BROKEN"},
      {"serve has not heard of it", Done("/a"), "", "Loading", ""},
      {"serve loads it", Done("/a"), "Loading", "Loading", "measured"},
      {"serve has it", Done("/a"), "Ready", "Ready", "measured"},
      {"serve refused it", Done("/a"), "Failed", "Failed", "measured"},
      {"serve takes it back up", Done("/a"), "Draining", "Loading", "measured"},
      {"a new agent prepares what serve has", running, "Ready", "Ready", "measured"},
      {"its preparation fails but serve has it", failed, "Ready", "Ready", "measured"},
  };
  for (const ReportCase& one : cases) {
    ServingStatus status;
    if (!one.measured_phase.empty()) {
      status.revisions.push_back({.uid = "uid-1",
                                  .phase = one.measured_phase,
                                  .reason = "measured",
                                  .message = "m",
                                  .load_ms = 7,
                                  .memory_bytes = 9});
    }
    auto reports = PlanReports(DesiredOf({1}), {{"uid-1", one.state}}, LoadSuspects(), status, {});
    ASSERT_EQ(reports.size(), 1U) << one.what;
    EXPECT_EQ(reports[0].phase, one.phase) << one.what;
    EXPECT_EQ(reports[0].reason, one.reason) << one.what;
    EXPECT_EQ(reports[0].load_ms, one.measured_phase.empty() ? 0 : 7) << one.what;
    EXPECT_EQ(reports[0].name, "fraud-1") << one.what;
    EXPECT_EQ(reports[0].project, "default") << one.what;
  }
}

TEST(PlanReportsTest, WhatIsTriedAgainHasNotFailed) {
  ServingStatus status;
  status.revisions.push_back({.uid = "uid-1",
                              .phase = "Failed",
                              .reason = "GPU_MEMORY",
                              .message = "full",
                              .next_try_ms = 1'800'000'000'000});
  const auto reports =
      PlanReports(DesiredOf({1}), {{"uid-1", Done("/a")}}, LoadSuspects(), status, {});
  EXPECT_EQ(reports.at(0).phase, "Loading");
  EXPECT_EQ(reports.at(0).reason, "GPU_MEMORY");
  EXPECT_EQ(reports.at(0).message, "full; the next try follows at 2027-01-15T08:00:00.000Z");
}

TEST(PlanReportsTest, ServeThatDoesNotRunMeasuresNothing) {
  auto reports =
      PlanReports(DesiredOf({1}), {{"uid-1", Done("/a")}}, LoadSuspects(), std::nullopt, {});
  EXPECT_EQ(reports[0].phase, "Loading");
}

TEST(PlanReportsTest, CondemnedRevisionSaysWhy) {
  LoadSuspects suspects;
  ServingStatus status;
  status.revisions.push_back({.uid = "uid-1", .phase = "Loading"});
  suspects.ServeEnded({}, {.last = status}, SteadyTime());
  suspects.ServeEnded({}, {.last = status}, SteadyTime());
  auto reports = PlanReports(DesiredOf({1}), {{"uid-1", Done("/a")}}, suspects, status, {});
  EXPECT_EQ(reports[0].phase, "Failed");
  EXPECT_EQ(reports[0].reason, "LOAD_CRASHED");
  EXPECT_TRUE(reports[0].message.ends_with(".")) << reports[0].message;
  auto config = PlanServing(DesiredOf({1}), {{"uid-1", Done("/a")}}, suspects, {}, {});
  EXPECT_TRUE(config.services[0].revisions.empty());
}

TEST(PlanServing, AFailureOfWhatAPredecessorGaveIsNoneOfTheModel) {
  runtime::ServingStatus status;
  status.revisions = {{.uid = "uid-1", .phase = std::string(runtime::kPhaseFailed)}};
  EXPECT_TRUE(UnprovenFailures(status, {"uid-1"}).empty()) << "it was prepared and given";
  const std::set<std::string> unproven = UnprovenFailures(status, {});
  EXPECT_EQ(unproven, std::set<std::string>{"uid-1"});
  LoadSuspects suspects;
  const RevisionStates prepared = {{"uid-1", Done("/a")}};
  // Serve forgets it, and the report says what the agent does.
  EXPECT_TRUE(PlanServing(DesiredOf({1}), prepared, suspects, {}, unproven)
                  .services.at(0)
                  .revisions.empty());
  EXPECT_EQ(PlanReports(DesiredOf({1}), prepared, suspects, status, unproven).at(0).phase,
            "Loading");
  // Then it is given anew.
  EXPECT_EQ(PlanServing(DesiredOf({1}), prepared, suspects, {}, {}).services.at(0).revisions.size(),
            1U);
}

}  // namespace
}  // namespace slipway::agent
