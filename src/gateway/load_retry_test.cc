#include "gateway/load_retry.h"

#include <chrono>

#include <gtest/gtest.h>

#include "engine/reasons.h"
#include "gateway/limits.h"

namespace slipway::gateway {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime kNow{std::chrono::hours(1)};

TEST(LoadRetry, OnlyWhatMayPassIsTriedAgain) {
  EXPECT_TRUE(MayPass(ResourceExhausted("GPU_MEMORY", "full")));
  EXPECT_TRUE(MayPass(Internal(engine::kOutOfMemory, "full")));
  EXPECT_TRUE(MayPass(NotFound("MODEL_FILE_MISSING", "not there")));
  EXPECT_TRUE(MayPass(Error(Code::kDeadlineExceeded, "TIMEOUT", "slow")));
  EXPECT_TRUE(MayPass(FailedPrecondition("WORKER_CRASHED", "it crashed")));
  EXPECT_FALSE(MayPass(InvalidArgument("MODEL_INVALID", "no model")));
  EXPECT_FALSE(MayPass(Unimplemented("FORMAT_UNSUPPORTED", "no engine")));
  EXPECT_FALSE(MayPass(FailedPrecondition("CONFIG_MISMATCH", "does not fit")));
  EXPECT_FALSE(MayPass(FailedPrecondition("GPU_MISSING", "no GPU")));
}

TEST(LoadRetry, OfAWarmUpTheCauseCounts) {
  const Error failed = FailedPrecondition(engine::kWarmUpFailed, "the run failed");
  EXPECT_FALSE(MayPass(failed));
  EXPECT_FALSE(MayPass(failed.CausedBy(NotFound("WARM_UP_FILE", "no file"))));
  EXPECT_TRUE(MayPass(failed.CausedBy(Internal(engine::kOutOfMemory, "no memory"))));
}

TEST(LoadRetry, PausesDoubleUpToALimit) {
  LoadRetry retry;
  const Error full = ResourceExhausted("GPU_MEMORY", "full");
  EXPECT_EQ(retry.Failed(full, kNow), kNow + kFirstLoadPause);
  EXPECT_EQ(retry.Failed(full, kNow), kNow + 2 * kFirstLoadPause);
  EXPECT_EQ(retry.Failed(full, kNow), kNow + 4 * kFirstLoadPause);
  for (int i = 0; i < 100; ++i) (void)retry.Failed(full, kNow);
  EXPECT_EQ(retry.Failed(full, kNow), kNow + kLongestLoadPause);
  EXPECT_EQ(retry.Failed(InvalidArgument("MODEL_INVALID", "no model"), kNow), std::nullopt);
}

TEST(LoadRetry, AModelThatCrashesAgainAndAgainIsGivenUp) {
  LoadRetry retry;
  const Error crashed = FailedPrecondition("WORKER_CRASHED", "it crashed");
  for (int i = 1; i < kMaxLoadsAtFault; ++i) EXPECT_NE(retry.Failed(crashed, kNow), std::nullopt);
  EXPECT_EQ(retry.Failed(crashed, kNow), std::nullopt);
}

}  // namespace
}  // namespace slipway::gateway
