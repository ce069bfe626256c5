#include "agent/unpacked_cache.h"

#include <fstream>

#include <gtest/gtest.h>

#include "base/testing/temporary_folder.h"

namespace slipway::agent {
namespace {

using Names = std::vector<std::string>;

TEST(ChooseEvictionsTest, OldestUnusedGoUntilTheRestFits) {
  std::vector<UnpackedEntry> entries = {
      {"new", 100, 30}, {"old", 100, 10}, {"middle", 100, 20}, {"used", 100, 1}};
  EXPECT_EQ(ChooseEvictions(entries, {"used"}, 400), Names{});
  EXPECT_EQ(ChooseEvictions(entries, {"used"}, 399), Names{"old"});
  EXPECT_EQ(ChooseEvictions(entries, {"used"}, 200), (Names{"old", "middle"}));
  EXPECT_EQ(ChooseEvictions(entries, {"used"}, 0), (Names{"old", "middle", "new"}));
}

TEST(ChooseEvictionsTest, LeftoversOfACrashAlwaysGo) {
  EXPECT_EQ(ChooseEvictions({{"a.1234.partial", 5, 9}, {"a", 5, 1}}, {}, 1'000),
            Names{"a.1234.partial"});
}

TEST(SweepUnpackedTest, RemovesFoldersWhole) {
  TemporaryFolder folder;
  FileSystem& files = PosixFileSystem();
  for (const char* name : {"used", "unused", "half.0f.partial"}) {
    ASSERT_TRUE(files.MakeDirectories(folder / name + "/model").has_value());
    std::ofstream(folder / name + "/model/file") << std::string(1'000, 'x');
  }
  ASSERT_TRUE(SweepUnpacked(files, folder.path(), {"used"}, 10'000).has_value());
  EXPECT_EQ(*files.List(folder.path()), (Names{"unused", "used"}));
  ASSERT_TRUE(SweepUnpacked(files, folder.path(), {"used"}, 1'500).has_value());
  EXPECT_EQ(*files.List(folder.path()), Names{"used"});
}

}  // namespace
}  // namespace slipway::agent
