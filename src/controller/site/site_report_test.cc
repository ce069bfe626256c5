#include "controller/site/site_report.h"

#include <gtest/gtest.h>

namespace slipway::controller {
namespace {

Revision MakeRevision(const std::string& phase) {
  Revision revision;
  revision.metadata.uid = "uid";
  revision.metadata.generation = 4;
  revision.status.phase = phase;
  return revision;
}

runtime::RevisionReport MakeReport(std::string_view phase) {
  return {.project = "default",
          .name = "fraud-1",
          .uid = "uid",
          .phase = std::string(phase),
          .load_ms = 12,
          .memory_bytes = 34};
}

TEST(RevisionStatusAfterTest, ReadyIsTrue) {
  auto status = RevisionStatusAfter(MakeRevision("Loading"), MakeReport("Ready"));
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->phase, "Ready");
  EXPECT_EQ(status->observed_generation, 4U);
  EXPECT_EQ(status->load_ms, 12);
  EXPECT_EQ(status->memory_bytes, 34);
  ASSERT_EQ(status->conditions.size(), 1U);
  EXPECT_EQ(status->conditions[0].type, "Ready");
  EXPECT_EQ(status->conditions[0].status, "True");
  EXPECT_EQ(status->conditions[0].reason, "Ready");
}

TEST(RevisionStatusAfterTest, FailureKeepsReasonAndSentence) {
  auto report = MakeReport("Failed");
  report.reason = "MODEL_INVALID";
  report.message = "The model cannot be loaded.";
  auto status = RevisionStatusAfter(MakeRevision("Loading"), report);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->conditions[0].status, "False");
  EXPECT_EQ(status->conditions[0].reason, "MODEL_INVALID");
  EXPECT_EQ(status->conditions[0].message, "The model cannot be loaded.");
}

TEST(RevisionStatusAfterTest, SameReportChangesNothing) {
  Revision revision = MakeRevision("");
  revision.status = *RevisionStatusAfter(revision, MakeReport("Loading"));
  revision.status.conditions[0].changed_at = "2026-01-01T00:00:00.000Z";
  EXPECT_FALSE(RevisionStatusAfter(revision, MakeReport("Loading")).has_value());
  auto longer = MakeReport("Loading");
  longer.load_ms = 13;
  EXPECT_TRUE(RevisionStatusAfter(revision, longer).has_value());
}

TEST(RevisionStatusAfterTest, OtherUidAndRetiredAreLeftAlone) {
  auto other = MakeReport("Ready");
  other.uid = "another life of the name";
  EXPECT_FALSE(RevisionStatusAfter(MakeRevision("Loading"), other).has_value());
  EXPECT_FALSE(RevisionStatusAfter(MakeRevision("Retired"), MakeReport("Ready")).has_value());
}

TEST(SiteStatusAfterTest, SaysWhetherTheDataPlaneRuns) {
  runtime::SiteReport report{.site = "local",
                             .build_id = "build",
                             .serve_pid = 42,
                             .serving_generation = 7,
                             .endpoints = {{"rest", "127.0.0.1", 8000, true}}};
  auto status = SiteStatusAfter(report, 3);
  EXPECT_EQ(status.phase, "Ready");
  EXPECT_EQ(status.observed_generation, 3U);
  EXPECT_EQ(status.pid, 42);
  EXPECT_EQ(status.build_id, "build");
  EXPECT_EQ(status.serving_generation, 0U) << "changes with every deployment, so it is volatile";
  ASSERT_EQ(status.endpoints.size(), 1U);
  EXPECT_EQ(status.endpoints[0].port, 8000);
  EXPECT_TRUE(status.endpoints[0].tls);
  report.message = "The data plane exited with code 1 and is being started again.";
  EXPECT_EQ(SiteStatusAfter(report, 3).phase, "Degraded");
  EXPECT_EQ(SiteStatusAfter(report, 3).conditions[0].message, report.message);
  EXPECT_EQ(SiteStatusAfter(report, 3).conditions[0].reason, "DATA_PLANE_DOWN");
  report.reason = "NOT_ANSWERING";
  EXPECT_EQ(SiteStatusAfter(report, 3).phase, "Degraded");
  EXPECT_EQ(SiteStatusAfter(report, 3).conditions[0].reason, "NOT_ANSWERING");
  report.reason.clear();
  report.serve_pid = 0;
  report.message.clear();
  EXPECT_EQ(SiteStatusAfter(report, 3).phase, "Degraded");
  EXPECT_EQ(SiteStatusAfter(report, 3).conditions[0].status, "False");
}

}  // namespace
}  // namespace slipway::controller
