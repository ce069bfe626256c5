#include "registry/upload_age.h"

#include <gtest/gtest.h>

namespace slipway::registry {
namespace {

using std::chrono::hours;

class UploadAgeTest : public testing::Test {
 protected:
  bool Expired(WallTime written) const { return written < age_.ExpiredBefore(hours(24)); }

  FakeClock clock_;
  const UploadAge age_{clock_};
};

TEST_F(UploadAgeTest, ExpiresWhenItsTimeHasPassed) {
  const WallTime written = clock_.Wall();
  clock_.Advance(hours(24));
  EXPECT_FALSE(Expired(written));
  clock_.Advance(std::chrono::milliseconds(1));
  EXPECT_TRUE(Expired(written));
}

TEST_F(UploadAgeTest, AJumpForwardSweepsNothingAway) {
  const WallTime before = clock_.Wall();
  clock_.JumpWall(hours(24 * 365));
  EXPECT_FALSE(Expired(before));
  EXPECT_FALSE(Expired(clock_.Wall()));
  clock_.Advance(hours(25));
  EXPECT_TRUE(Expired(before)) << "a day has passed since";
}

TEST_F(UploadAgeTest, AJumpBackSweepsNothingAway) {
  const WallTime before = clock_.Wall();
  clock_.JumpWall(-hours(48));
  const WallTime after = clock_.Wall();
  EXPECT_FALSE(Expired(before));
  EXPECT_FALSE(Expired(after));
  clock_.Advance(hours(25));
  EXPECT_TRUE(Expired(after));
  EXPECT_FALSE(Expired(before)) << "its date is in the future still";
}

}  // namespace
}  // namespace slipway::registry
