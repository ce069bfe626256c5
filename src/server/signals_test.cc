#include "server/signals.h"

#include <csignal>

#include <gtest/gtest.h>

namespace slipway::server {
namespace {

TEST(StopSignals, AHangUpReloadsWhereThereIsSomethingToReload) {
  int reloads = 0;
  StopSignals signals(HangUp::kReloads);
  ASSERT_EQ(std::raise(SIGHUP), 0);
  ASSERT_EQ(std::raise(SIGHUP), 0);
  ASSERT_EQ(std::raise(SIGTERM), 0);
  EXPECT_EQ(signals.Wait([&] { ++reloads; }), SIGTERM);
  EXPECT_EQ(reloads, 2);
}

TEST(StopSignals, AHangUpStopsElsewhere) {
  StopSignals signals(HangUp::kStops);
  ASSERT_EQ(std::raise(SIGHUP), 0);
  EXPECT_EQ(signals.Wait([] { ADD_FAILURE() << "there is nothing to reload"; }), SIGHUP);
}

TEST(StopSignals, TheWishToLeaveIsToldFromOthers) {
  StopSignals signals(HangUp::kStops);
  ASSERT_EQ(std::raise(kLeaveSignal), 0);
  EXPECT_EQ(signals.Wait([] {}), kLeaveSignal);
}

TEST(StopSignals, WhoIsBusyMayAskForTheWish) {
  {
    StopSignals signals(HangUp::kReloads);
    EXPECT_FALSE(StopSignals::IsEndAsked());
    ASSERT_EQ(std::raise(SIGHUP), 0);
    EXPECT_FALSE(StopSignals::IsEndAsked()) << "files are to be read again";
    ASSERT_EQ(std::raise(SIGINT), 0);
    EXPECT_TRUE(StopSignals::IsEndAsked());
  }
  StopSignals signals(HangUp::kStops);
  EXPECT_FALSE(StopSignals::IsEndAsked());
  ASSERT_EQ(std::raise(SIGHUP), 0);
  EXPECT_TRUE(StopSignals::IsEndAsked());
}

TEST(StopSignals, NohupIsRespected) {
  ASSERT_NE(std::signal(SIGHUP, SIG_IGN), SIG_ERR);
  {
    StopSignals signals(HangUp::kStops);
    ASSERT_EQ(std::raise(SIGHUP), 0);
    StopSignals::Raise();
    EXPECT_EQ(signals.Wait([] {}), SIGTERM);
  }
  EXPECT_EQ(std::signal(SIGHUP, SIG_DFL), SIG_IGN) << "as it was";
}

}  // namespace
}  // namespace slipway::server
