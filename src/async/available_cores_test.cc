#include "async/available_cores.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "async/core_pool.h"
#include "base/testing/temporary_folder.h"

namespace slipway {
namespace {

class CgroupCpuQuotaTest : public testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  const TemporaryFolder folder_;
  const std::string root_ = folder_.path();
};

TEST_F(CgroupCpuQuotaTest, V2SmallestOfGroupAndParents) {
  Write("/a/cpu.max", "150000 100000\n");
  Write("/a/b/cpu.max", "max 100000\n");
  Write("/cpu.max", "400000 100000\n");
  EXPECT_EQ(CgroupCpuQuota("0::/a/b\n", root_), 1.5);
}

TEST_F(CgroupCpuQuotaTest, V2WithoutQuota) {
  Write("/a/cpu.max", "max 100000\n");
  EXPECT_EQ(CgroupCpuQuota("0::/a\n", root_), std::nullopt);
}

TEST_F(CgroupCpuQuotaTest, V2InAContainerWhereTheGroupIsTheRoot) {
  Write("/cpu.max", "200000 100000\n");
  EXPECT_EQ(CgroupCpuQuota("0::/docker/0123\n", root_), 2.0);
}

TEST_F(CgroupCpuQuotaTest, V1) {
  Write("/cpu/box/cpu.cfs_quota_us", "50000\n");
  Write("/cpu/box/cpu.cfs_period_us", "100000\n");
  Write("/cpu/cpu.cfs_quota_us", "-1\n");
  Write("/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(CgroupCpuQuota("7:memory:/other\n4:cpu,cpuacct:/box\n0::/\n", root_), 0.5);
}

TEST_F(CgroupCpuQuotaTest, GarbageIsNoQuota) {
  Write("/cpu.max", "many 100000\n");
  EXPECT_EQ(CgroupCpuQuota("", root_), std::nullopt);
  EXPECT_EQ(CgroupCpuQuota("nonsense\n:\n0::/\n", root_), std::nullopt);
}

TEST(AvailableCoresTest, AtLeastOne) {
  EXPECT_GE(AvailableCores(), 1U);
}

}  // namespace
}  // namespace slipway
