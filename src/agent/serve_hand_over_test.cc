// A data plane of another build takes the place of the one that serves, or does not.
#include <gtest/gtest.h>

#include "agent/serving_plan.h"
#include "agent/testing/agent_fixture.h"

namespace slipway::agent {
namespace {

using std::chrono::milliseconds;

// Revision 1 is served by a data plane of the build "build".
class HandOverTest : public AgentFixture {
 protected:
  void SetUp() override {
    one_ = site_.Revision(1, site_.Offer(kModelA).manifest_digest);
    two_ = site_.Revision(2, site_.Offer(kModelB).manifest_digest);
    site_.Want({one_});
    Start();
    ExpectPhase(1, "Ready");
    old_ = site_.NewestId();
  }
  // The control centre comes back as another build, whose data plane finds revision 1 so.
  void Upgrade(const std::string& phase, milliseconds pause = std::chrono::hours(1)) {
    Stop(StopMode::kKeepServing);
    site_.options.serve.build_id = "newer";
    site_.options.serve.hand_over_pause = pause;
    site_.serve_options.build_id = "newer";
    site_.serve_options.phases["uid-1"] = phase;
    site_.NewAgent();
    Start();
  }
  // The data plane beside the old one.
  std::string AwaitSuccessor() {
    EXPECT_TRUE(TestSite::Eventually(
        [&] { return site_.driver.running().size() == 2 && site_.NewestId() != old_; }));
    EXPECT_TRUE(site_.serve().is_held());
    return site_.NewestId();
  }
  void ExpectRefusal(const std::string& words) {
    EXPECT_TRUE(TestSite::Eventually([&] {
      const runtime::SiteReport report = site_.link.last_report();
      return report.reason == kHandOverRefused && report.message.find(words) != std::string::npos;
    })) << site_.link.last_report().message;
    EXPECT_EQ(site_.driver.running(), std::vector<std::string>{old_});
    EXPECT_FALSE(site_.serve(old_).asked_to_stop());
  }
  void ExpectTakenOver(const std::string& id) {
    EXPECT_TRUE(TestSite::Eventually([&] {
      return site_.driver.running() == std::vector<std::string>{id} &&
             site_.agent().View().serve_up && site_.link.last_report().message.empty();
    })) << site_.link.last_report().message;
    EXPECT_FALSE(site_.serve(id).is_held());
    ExpectPhase(1, "Ready");
  }

  runtime::DesiredRevision one_;
  runtime::DesiredRevision two_;
  std::string old_;
};

TEST_F(HandOverTest, TheOldOneServesUntilTheNewOneHasLoaded) {
  const AgentView before = site_.agent().View();
  Upgrade("Loading");
  const std::string next = AwaitSuccessor();
  EXPECT_EQ(site_.agent().View().endpoints[0].port, before.endpoints[0].port);
  EXPECT_EQ(site_.agent().View().serve_pid, before.serve_pid);
  // Both are told of what changes, and what is new is ready where requests go.
  site_.Want({one_, two_});
  ExpectPhase(2, "Ready");
  EXPECT_TRUE(TestSite::Eventually(
      [&] { return site_.serve(next).loaded() == (std::vector<int64_t>{1, 2}); }));
  EXPECT_TRUE(site_.serve(next).is_held());
  EXPECT_FALSE(site_.serve(old_).asked_to_stop());
  site_.serve(next).SetPhase("uid-1", "Ready");
  ExpectTakenOver(next);
  EXPECT_TRUE(site_.serve(old_).asked_to_stop());
  EXPECT_NE(site_.agent().View().serve_pid, before.serve_pid);
  ExpectPhase(2, "Ready");
}

TEST_F(HandOverTest, OneThatCannotLoadWhatIsServedDoesNotTakeItsPlace) {
  Upgrade("Failed");
  ExpectRefusal("cannot load default/fraud revision 1 (MODEL_INVALID: ");
  ExpectPhase(1, "Ready");
  // The old one is the site's data plane as before.
  site_.Want({one_, two_});
  ExpectPhase(2, "Ready");
  EXPECT_EQ(site_.serve(old_).loaded(), (std::vector<int64_t>{1, 2}));
}

TEST_F(HandOverTest, ItIsTriedAgain) {
  Upgrade("Failed", milliseconds(300));
  ExpectRefusal("cannot load");
  site_.serve_options.phases.clear();
  EXPECT_TRUE(TestSite::Eventually([&] {
    const auto running = site_.driver.running();
    return running.size() == 1 && running.front() != old_;
  }));
  ExpectTakenOver(site_.NewestId());
}

TEST_F(HandOverTest, OneThatEndsWhileItLoadsChangesNothing) {
  Upgrade("Loading");
  site_.driver.End(AwaitSuccessor(), {.by_signal = 11});
  ExpectRefusal("ended while it loaded what is served");
  ExpectPhase(1, "Ready");
}

TEST_F(HandOverTest, WhenTheOldOneEndsTheOneThatLoadsHasItsPlace) {
  Upgrade("Loading");
  const std::string next = AwaitSuccessor();
  site_.driver.End(old_, {.by_signal = 11});
  EXPECT_TRUE(TestSite::Eventually([&] { return !site_.serve(next).is_held(); }));
  site_.serve(next).SetPhase("uid-1", "Ready");
  ExpectTakenOver(next);
}

TEST_F(HandOverTest, AnAgentThatComesMeanwhileBeginsAnew) {
  Upgrade("Loading");
  const std::string first = AwaitSuccessor();
  Stop(StopMode::kKeepServing);
  EXPECT_EQ(site_.driver.running().size(), 2U);
  site_.serve_options.phases.clear();
  site_.NewAgent();
  Start();
  EXPECT_TRUE(TestSite::Eventually([&] {
    const auto running = site_.driver.running();
    return running.size() == 1 && running.front() != old_ && running.front() != first;
  }));
  ExpectTakenOver(site_.NewestId());
}

TEST_F(HandOverTest, TheEndOfTheSiteEndsBoth) {
  Upgrade("Loading");
  AwaitSuccessor();
  Stop(StopMode::kEndServe);
  EXPECT_TRUE(site_.driver.running().empty());
}

}  // namespace
}  // namespace slipway::agent
