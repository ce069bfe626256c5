#include "gateway/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "gateway/limits.h"

namespace slipway::gateway {
namespace {

using ::testing::HasSubstr;

class SharedMemoryTest : public ::testing::Test {
 public:
  SharedMemoryTest() {
    file_ = Descriptor(shm_open(key_.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
    CHECK(file_ && ftruncate(file_.get(), 100) == 0);
  }
  ~SharedMemoryTest() override { shm_unlink(key_.c_str()); }

 protected:
  std::string Register(const RegionStatus& region) {
    const Result<void> done = memory_.Register(region);
    return done.has_value() ? std::string() : std::string(done.error().reason());
  }

  const std::string key_ = "/slipway-test-" + RandomHexId(SystemRandom());
  Descriptor file_;
  SharedMemory memory_;
};

TEST_F(SharedMemoryTest, ReadsAndWritesWithinItsRegion) {
  ASSERT_EQ(pwrite(file_.get(), "0123456789", 10, 40), 10);
  ASSERT_EQ(Register({.name = "r", .key = key_, .offset = 40, .byte_size = 10}), "");
  // Without its slash it is the same.
  ASSERT_EQ(Register({.name = "s", .key = key_.substr(1), .offset = 0, .byte_size = 100}), "");
  const auto region = *memory_.Find("r");
  std::string read(4, ' ');
  ASSERT_TRUE(region->Read(3, 4, read.data()).has_value());
  EXPECT_EQ(read, "3456");
  ASSERT_TRUE(region->Write(8, "xy").has_value());
  ASSERT_TRUE((*memory_.Find("s"))->Read(46, 4, read.data()).has_value());
  EXPECT_EQ(read, "67xy");
  EXPECT_EQ(memory_.Status().size(), 2u);
}

TEST_F(SharedMemoryTest, NothingBesideTheRegionIsTouched) {
  ASSERT_EQ(Register({.name = "r", .key = key_, .offset = 40, .byte_size = 10}), "");
  const auto region = *memory_.Find("r");
  char byte = 0;
  for (const auto& [offset, size] : {std::pair<uint64_t, uint64_t>{10, 1},
                                     {0, 11},
                                     {11, 0},
                                     {UINT64_MAX, 2},
                                     {1, UINT64_MAX},
                                     {UINT64_MAX - 39, 1}}) {
    EXPECT_EQ(region->Read(offset, size, &byte).error().reason(), "REGION_RANGE") << offset;
  }
  EXPECT_EQ(region->Write(9, "ab").error().reason(), "REGION_RANGE");
  EXPECT_EQ(region->Write(UINT64_MAX, "ab").error().reason(), "REGION_RANGE");
  EXPECT_TRUE(region->Read(10, 0, &byte).has_value());
}

TEST_F(SharedMemoryTest, ARegionThatIsShrunkIsAnErrorAndNoCrash) {
  ASSERT_EQ(Register({.name = "r", .key = key_, .offset = 0, .byte_size = 100}), "");
  const auto region = *memory_.Find("r");
  ASSERT_EQ(ftruncate(file_.get(), 50), 0);
  std::string read(100, ' ');
  EXPECT_EQ(region->Read(0, 100, read.data()).error().reason(), "REGION_SHRUNK");
  EXPECT_EQ(region->Write(49, "ab").error().reason(), "REGION_SHRUNK");
  struct stat status{};
  ASSERT_EQ(fstat(file_.get(), &status), 0);
  EXPECT_EQ(status.st_size, 50);
  EXPECT_TRUE(region->Read(0, 50, read.data()).has_value());
}

TEST_F(SharedMemoryTest, WhatIsRegisteredIsChecked) {
  for (const char* key : {"", "/", "/a/b", "../etc/passwd", "/..", ".", "a\n"}) {
    EXPECT_EQ(Register({.name = "r", .key = key, .byte_size = 1}), "REGION_INVALID") << key;
  }
  EXPECT_EQ(Register({.name = "r", .key = std::string("/a\0b", 4), .byte_size = 1}),
            "REGION_INVALID");
  EXPECT_EQ(Register({.name = "r", .key = "/slipway-nowhere", .byte_size = 1}), "REGION_OPEN");
  EXPECT_EQ(Register({.name = "", .key = key_, .byte_size = 1}), "REGION_INVALID");
  EXPECT_EQ(
      Register({.name = std::string(kMaxRegionNameBytes + 1, 'x'), .key = key_, .byte_size = 1}),
      "REGION_INVALID");
  EXPECT_EQ(Register({.name = "r", .key = key_, .byte_size = 0}), "REGION_INVALID");
  EXPECT_EQ(Register({.name = "r", .key = key_, .byte_size = 101}), "REGION_INVALID");
  EXPECT_EQ(Register({.name = "r", .key = key_, .offset = 1, .byte_size = 100}), "REGION_INVALID");
  EXPECT_EQ(Register({.name = "r", .key = key_, .offset = UINT64_MAX, .byte_size = 2}),
            "REGION_INVALID");
  EXPECT_EQ(Register({.name = "r", .key = key_, .offset = 2, .byte_size = UINT64_MAX}),
            "REGION_INVALID");
  EXPECT_TRUE(memory_.Status().empty());
}

TEST_F(SharedMemoryTest, NamesAreForgottenAndUseGoesOn) {
  ASSERT_EQ(Register({.name = "r", .key = key_, .byte_size = 100}), "");
  EXPECT_EQ(Register({.name = "r", .key = key_, .byte_size = 100}), "REGION_EXISTS");
  const auto region = *memory_.Find("r");
  memory_.Unregister("r");
  memory_.Unregister("r");
  EXPECT_EQ(memory_.Find("r").error().reason(), "REGION_UNKNOWN");
  EXPECT_TRUE(region->Write(0, "still there").has_value());
  ASSERT_EQ(Register({.name = "r", .key = key_, .byte_size = 100}), "");
  memory_.UnregisterAll();
  EXPECT_TRUE(memory_.Status().empty());
}

TEST_F(SharedMemoryTest, RegionsAreBounded) {
  for (size_t i = 0; i < kMaxSharedRegions; ++i) {
    ASSERT_EQ(Register({.name = std::to_string(i), .key = key_, .byte_size = 1}), "");
  }
  EXPECT_EQ(Register({.name = "r", .key = key_, .byte_size = 1}), "REGIONS_TOO_MANY");
}

}  // namespace
}  // namespace slipway::gateway
