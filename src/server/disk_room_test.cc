#include "server/disk_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/temporary_folder.h"

namespace slipway::server {
namespace {

using testing::HasSubstr;

TEST(DiskRoomTest, WarnsOfAFullDiskOnly) {
  const TemporaryFolder folder;
  ASSERT_GT(*ReserveOf(folder.path()).free_bytes(), kDiskReserveBytes)
      << "free some disk for tests";
  EXPECT_EQ(DiskWarning(folder.path()), "");
  EXPECT_TRUE(CheckReserve(folder.path()).has_value());
  EXPECT_EQ(CheckReserve("/proc").error().reason(), "DISK_FULL");
  EXPECT_THAT(DiskWarning("/proc"), HasSubstr("full: 0 bytes are left"));
  EXPECT_THAT(DiskWarning(folder / "missing"), HasSubstr("unknown"));
}

TEST(DiskRoomTest, IsAMetricAsLongAsItIsCollected) {
  {
    const auto collection = CollectDiskRoom("/proc");
    EXPECT_THAT(MetricsText(), HasSubstr("\nslipway_data_free_bytes 0\n"));
  }
  EXPECT_THAT(MetricsText(), testing::Not(HasSubstr("slipway_data_free_bytes")));
}

}  // namespace
}  // namespace slipway::server
