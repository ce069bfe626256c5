#include "controller/site/desired_state.h"

#include <gtest/gtest.h>

namespace slipway::controller {
namespace {

using Numbers = std::vector<int64_t>;

Service MakeService(const std::string& name, int64_t ready, int64_t latest) {
  Service service;
  service.metadata.project = "default";
  service.metadata.name = name;
  service.status.ready_revision = ready;
  service.status.latest_revision = latest;
  return service;
}

Revision MakeRevision(const std::string& service, int64_t number, const std::string& phase) {
  Revision revision;
  revision.metadata.project = "default";
  revision.metadata.name = RevisionName(service, number);
  revision.metadata.uid = "uid-" + revision.metadata.name;
  revision.spec.service = service;
  revision.spec.number = number;
  revision.spec.repository = "default/model";
  revision.spec.manifest_digest = "sha256:" + std::to_string(number);
  revision.spec.predictor.threads = 3;
  revision.spec.predictor.instances = 2;
  revision.status.phase = phase;
  return revision;
}

Numbers NumbersOf(const runtime::DesiredService& service) {
  Numbers out;
  for (const auto& revision : service.revisions) out.push_back(revision.number);
  return out;
}

struct Case {
  const char* what;
  int64_t ready;
  int64_t latest;
  std::vector<std::pair<int64_t, const char*>> revisions;
  Numbers desired;
};

TEST(DesiredStateTest, WhatTheTrafficNamesIsThereBesideTheOthers) {
  DesiredInput input;
  input.services = {MakeService("fraud", 5, 6)};
  routing::TrafficSpec traffic{
      .split = {{.revision = 2, .weight = 10'000}, {.revision = 4, .weight = 0}},
      .shadow = routing::ShadowSpec{.revision = 3}};
  input.services[0].spec.traffic = traffic;
  for (const auto& [number, phase] : std::vector<std::pair<int64_t, const char*>>{
           {1, "Ready"}, {2, "Ready"}, {3, "Loading"}, {4, "Pending"}, {5, "Ready"}, {6, ""}}) {
    input.revisions.push_back(MakeRevision("fraud", number, phase));
  }
  auto desired = ComputeDesiredState(input);
  EXPECT_EQ(NumbersOf(desired.services[0]), (Numbers{2, 3, 4, 5, 6}));
  ASSERT_TRUE(desired.services[0].traffic.has_value());
  EXPECT_EQ(Encode(*desired.services[0].traffic), Encode(traffic));
  input.revisions[1].status.phase = "Failed";
  desired = ComputeDesiredState(input);
  EXPECT_EQ(NumbersOf(desired.services[0]), (Numbers{3, 4, 5, 6}));
}

TEST(DesiredStateTest, AProgramComesWithItsModels) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  DesiredInput input;
  input.services = {MakeService("gate", 0, 1)};
  Revision revision = MakeRevision("gate", 1, "Pending");
  revision.spec.predictor.program =
      resource::ProgramSettings{.ref = "c:v1",
                                .command = {"{program}/serve"},
                                .protocol = resource::ProgramProtocol::kHttp,
                                .ready_path = "/ready",
                                .start_timeout = "5m"};
  revision.spec.mounts = {{"a", "default/a", digest}, {"b", "other/b", digest}};
  revision.spec.program = resource::RevisionPackage{"", "default/c", digest};
  input.revisions = {revision};
  const runtime::DesiredRevision desired =
      ComputeDesiredState(input).services.at(0).revisions.at(0);
  ASSERT_TRUE(desired.program.has_value());
  EXPECT_EQ(desired.program->kind, "http");
  EXPECT_EQ(desired.program->package->repository, "default/c");
  EXPECT_EQ(desired.program->command, std::vector<std::string>{"{program}/serve"});
  EXPECT_EQ(desired.program->ready_path, "/ready");
  EXPECT_EQ(desired.program->start_timeout_ms, 300'000);
  ASSERT_EQ(desired.mounts.size(), 2U);
  EXPECT_EQ(desired.mounts[1].mount_as, "b");
  EXPECT_EQ(desired.mounts[1].repository, "other/b");
}

TEST(DesiredStateTest, KindsOfPrograms) {
  DesiredInput input;
  input.services = {MakeService("gate", 0, 1)};
  input.revisions = {MakeRevision("gate", 1, "Pending")};
  std::optional<resource::ProgramSettings>& program = input.revisions[0].spec.predictor.program;
  const auto kind = [&input] {
    const auto desired = ComputeDesiredState(input).services.at(0).revisions.at(0).program;
    return desired ? desired->kind + " " + desired->image : "none";
  };
  EXPECT_EQ(kind(), "none");
  program = resource::ProgramSettings{.python = "c:v1"};
  EXPECT_EQ(kind(), "python ");
  program = resource::ProgramSettings{.ref = "c:v1", .command = {"x"}};
  EXPECT_EQ(kind(), "v2 ");
  program = resource::ProgramSettings{.image = "i:v1"};
  EXPECT_EQ(kind(), "v2 i:v1");
}

TEST(DesiredStateTest, Table) {
  const Case cases[] = {
      {"nothing yet", 0, 0, {}, {}},
      {"the first one is to be loaded", 0, 1, {{1, ""}}, {1}},
      {"the first one is loading", 0, 1, {{1, "Loading"}}, {1}},
      {"the first one failed", 0, 1, {{1, "Failed"}}, {}},
      {"one serves", 1, 1, {{1, "Ready"}}, {1}},
      {"upgrade: old serves, new loads", 1, 2, {{2, "Loading"}, {1, "Ready"}}, {1, 2}},
      {"upgrade: new is ready", 2, 2, {{1, "Ready"}, {2, "Ready"}}, {2}},
      {"upgrade: new failed", 1, 2, {{1, "Ready"}, {2, "Failed"}}, {1}},
      {"serve starts anew", 1, 1, {{1, "Loading"}}, {1}},
      {"superseded before it was ready", 1, 3, {{1, "Ready"}, {2, "Loading"}, {3, ""}}, {1, 3}},
      {"retired ones stay away", 3, 3, {{1, "Retired"}, {2, "Failed"}, {3, "Ready"}}, {3}},
      {"the ready one failed later", 1, 1, {{1, "Failed"}}, {}},
  };
  for (const Case& one : cases) {
    DesiredInput input;
    input.services = {MakeService("fraud", one.ready, one.latest)};
    for (const auto& [number, phase] : one.revisions) {
      input.revisions.push_back(MakeRevision("fraud", number, phase));
    }
    auto desired = ComputeDesiredState(input);
    ASSERT_EQ(desired.services.size(), 1U) << one.what;
    EXPECT_EQ(NumbersOf(desired.services[0]), one.desired) << one.what;
    EXPECT_FALSE(desired.services[0].traffic.has_value()) << one.what;
  }
}

TEST(DesiredStateTest, CarriesWhatTheSiteNeedsOfARevision) {
  DesiredInput input;
  input.services = {MakeService("fraud", 0, 1)};
  input.revisions = {MakeRevision("fraud", 1, "")};
  auto revision = ComputeDesiredState(input).services[0].revisions[0];
  EXPECT_EQ(revision.uid, "uid-fraud-1");
  EXPECT_EQ(revision.name, "fraud-1");
  EXPECT_EQ(revision.repository, "default/model");
  EXPECT_EQ(revision.manifest_digest, "sha256:1");
  EXPECT_EQ(revision.threads, 3);
  EXPECT_EQ(revision.instances, 2);
}

TEST(DesiredStateTest, BatchingIsCarriedInMicroseconds) {
  DesiredInput input;
  input.services = {MakeService("fraud", 0, 1)};
  input.revisions = {MakeRevision("fraud", 1, "")};
  EXPECT_EQ(ComputeDesiredState(input).services[0].revisions[0].batching, std::nullopt);
  input.revisions[0].spec.predictor.batching =
      resource::BatchingSettings{.max_batch_size = 8,
                                 .max_queue_delay = "250us",
                                 .preferred_sizes = {2, 4},
                                 .priority_levels = 3,
                                 .default_priority = 2,
                                 .max_queue_size = 7,
                                 .queue_timeout = "2s",
                                 .timeout_action = resource::TimeoutAction::kDelay,
                                 .allow_timeout_override = false};
  EXPECT_EQ(ComputeDesiredState(input).services[0].revisions[0].batching,
            (runtime::BatchingSettings{.max_batch_size = 8,
                                       .max_queue_delay_us = 250,
                                       .preferred_sizes = {2, 4},
                                       .priority_levels = 3,
                                       .default_priority = 2,
                                       .max_queue_size = 7,
                                       .queue_timeout_us = 2'000'000,
                                       .timeout_action = "delay",
                                       .allow_timeout_override = false}));
}

TEST(DesiredStateTest, AccessIsTheSpecsElseTheSites) {
  DesiredInput input;
  input.services = {MakeService("a", 0, 0), MakeService("b", 0, 0), MakeService("c", 0, 0)};
  input.services[1].spec.access = resource::InferenceAccess::kToken;
  input.services[2].spec.access = resource::InferenceAccess::kAnonymous;
  for (const char* name : {"a", "b", "c"}) {
    input.keys[{"default", name}] = {{.sha256 = "hash", .name = {}, .limits = {}}};
  }
  input.default_access = resource::InferenceAccess::kAnonymous;
  auto services = ComputeDesiredState(input).services;
  EXPECT_EQ(services[0].access, "anonymous");
  EXPECT_EQ(services[1].access, "token");
  EXPECT_EQ(services[2].access, "anonymous");
  EXPECT_TRUE(services[0].keys.empty()) << "nobody needs a key there";
  EXPECT_EQ(services[1].keys.size(), 1U);
  input.token_only_projects = {"default"};
  for (const auto& service : ComputeDesiredState(input).services) {
    EXPECT_EQ(service.access, "token") << "the project forbids anonymous inference";
    EXPECT_EQ(service.keys.size(), 1U);
  }
  input.token_only_projects.clear();
  input.default_access = resource::InferenceAccess::kToken;
  EXPECT_EQ(ComputeDesiredState(input).services[0].access, "token");
}

TEST(DesiredStateTest, ProjectsAreApartAndDeletedServicesGone) {
  DesiredInput input;
  input.services = {MakeService("z", 0, 1), MakeService("a", 0, 1), MakeService("a", 0, 1)};
  input.services[2].metadata.project = "other";
  input.services[0].metadata.deleted_at = "2026-01-01T00:00:00.000Z";
  input.revisions = {MakeRevision("a", 1, ""), MakeRevision("z", 1, "")};
  auto services = ComputeDesiredState(input).services;
  ASSERT_EQ(services.size(), 2U);
  EXPECT_EQ(services[0].project, "default");
  EXPECT_EQ(services[0].revisions.size(), 1U);
  EXPECT_EQ(services[1].project, "other");
  EXPECT_TRUE(services[1].revisions.empty()) << "a revision of another project's service";
}

}  // namespace
}  // namespace slipway::controller
