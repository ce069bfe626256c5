// A site whose agent a test starts and stops; what runs at the end of the test is ended.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "agent/testing/test_site.h"

namespace slipway::agent {

inline constexpr const char* kModelA = "tests/fixtures/models/linear_a.onnx";
inline constexpr const char* kModelB = "tests/fixtures/models/linear_b.onnx";

class AgentFixture : public ::testing::Test {
 protected:
  void TearDown() override {
    if (running_) Stop(StopMode::kEndServe);
  }
  void Start() {
    auto started = site_.StartAgent();
    ASSERT_TRUE(started.has_value()) << started.error().ToString();
    running_ = true;
  }
  void Stop(StopMode mode) {
    site_.StopAgent(mode);
    running_ = false;
  }
  void ExpectPhase(int64_t number, const std::string& phase) {
    EXPECT_TRUE(TestSite::Eventually([&] { return site_.Phase(number) == phase; }))
        << "revision " << number << " is " << site_.Phase(number) << ", not " << phase << ": "
        << site_.ReportOf(number).message;
  }

  TestSite site_;

 private:
  bool running_ = false;
};

}  // namespace slipway::agent
