#include "base/disk_space.h"

#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"

namespace slipway {
namespace {

TEST(DiskSpaceTest, TellsTheRoomOfAFolderAndTheErrorOfNone) {
  const TemporaryFolder folder;
  const auto room = FreeDiskBytes(folder.path());
  ASSERT_THAT(room, IsOk());
  EXPECT_GT(*room, 0u);
  EXPECT_EQ(*FreeDiskBytes("/proc"), 0u) << "a file system without room";
  EXPECT_THAT(FreeDiskBytes(folder / "missing"), IsError(Code::kNotFound, "FILE_NOT_FOUND"));
}

}  // namespace
}  // namespace slipway
