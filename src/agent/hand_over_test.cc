#include "agent/hand_over.h"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace slipway::agent {
namespace {

runtime::ServingStatus StatusOf(
    uint64_t generation, const std::vector<std::pair<std::string, std::string>>& uid_and_phase) {
  runtime::ServingStatus status{.generation = generation};
  for (const auto& [uid, phase] : uid_and_phase) {
    status.revisions.push_back(
        {.uid = uid, .phase = phase, .reason = phase == "Failed" ? "MODEL_INVALID" : ""});
  }
  return status;
}

TEST(JudgeSuccessor, Table) {
  struct Case {
    const char* what;
    runtime::ServingStatus current;
    runtime::ServingStatus next;
    Readiness readiness;
  };
  const Case cases[] = {
      {"nothing is served", StatusOf(1, {}), StatusOf(1, {}), Readiness::kReady},
      {"all is there", StatusOf(1, {{"a", "Ready"}}), StatusOf(1, {{"a", "Ready"}}),
       Readiness::kReady},
      {"one is loading", StatusOf(1, {{"a", "Ready"}, {"b", "Ready"}}),
       StatusOf(1, {{"a", "Ready"}, {"b", "Loading"}}), Readiness::kLoading},
      {"it has not heard of one", StatusOf(2, {{"a", "Ready"}}), StatusOf(1, {}),
       Readiness::kLoading},
      {"it has yet to read what is served", StatusOf(2, {}), StatusOf(1, {}), Readiness::kLoading},
      {"one cannot be loaded", StatusOf(1, {{"a", "Ready"}, {"b", "Ready"}}),
       StatusOf(1, {{"a", "Loading"}, {"b", "Failed"}}), Readiness::kCannot},
      {"the other one cannot load it either", StatusOf(1, {{"a", "Failed"}}),
       StatusOf(1, {{"a", "Failed"}}), Readiness::kReady},
      {"what is new may load later", StatusOf(1, {{"a", "Ready"}, {"b", "Loading"}}),
       StatusOf(1, {{"a", "Ready"}, {"b", "Loading"}}), Readiness::kReady},
      {"it moves to a process of its own", StatusOf(1, {{"a", "Ready"}}),
       StatusOf(1, {{"a", "Ready"}, {"a", "Failed"}}), Readiness::kReady},
      {"what drains is not served any more", StatusOf(1, {{"a", "Draining"}}), StatusOf(1, {}),
       Readiness::kReady},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(JudgeSuccessor(one.current, one.next).readiness, one.readiness) << one.what;
  }
}

TEST(JudgeSuccessor, SaysWhichCannotBeLoadedAndWhy) {
  const Verdict verdict =
      JudgeSuccessor(StatusOf(1, {{"a", "Ready"}}), StatusOf(1, {{"a", "Failed"}}));
  EXPECT_EQ(verdict.uid, "a");
  EXPECT_EQ(verdict.reason, "MODEL_INVALID");
}

}  // namespace
}  // namespace slipway::agent
