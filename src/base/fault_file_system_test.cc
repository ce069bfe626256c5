#include "base/testing/fault_file_system.h"

#include <set>

#include <gtest/gtest.h>

#include "base/testing/file_system_contract.h"
#include "base/testing/result_matchers.h"

namespace slipway {
namespace {

class FaultUnderTest final : public FileSystemUnderTest {
 public:
  FaultUnderTest() { EXPECT_THAT(files_.MakeDirectories("/root", 0700), IsOk()); }
  FileSystem& files() override { return files_; }
  std::string root() override { return "/root"; }

 private:
  FaultFileSystem files_;
};

std::unique_ptr<FileSystemUnderTest> Make() {
  return std::make_unique<FaultUnderTest>();
}

INSTANTIATE_TEST_SUITE_P(Fault, FileSystemContract, testing::Values(FileSystemMaker(Make)));

constexpr uint64_t kSeeds = 300;
const OpenOptions kWrite = {.write = true, .create = true};

class FaultFileSystemTest : public testing::Test {
 protected:
  // What is found at this path after crashes of all seeds: contents, or the reason of the error.
  std::set<std::string> AfterCrashes(const std::string& path) {
    std::set<std::string> found;
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const auto survived = files_.Crash(seed);
      const auto content = ReadWholeFile(*survived, path, 1 << 20);
      found.insert(content ? *content : std::string(content.error().reason()));
    }
    return found;
  }
  std::unique_ptr<File> Create(const std::string& path) { return *files_.Open(path, kWrite); }

  FaultFileSystem files_;
};

using Contents = std::set<std::string>;

TEST_F(FaultFileSystemTest, KeepsWhatWasSyncedWithItsName) {
  auto file = Create("/a");
  ASSERT_THAT(file->WriteAt(0, "content"), IsOk());
  ASSERT_THAT(file->Sync(), IsOk());
  ASSERT_THAT(files_.SyncDirectory("/"), IsOk());
  EXPECT_EQ(AfterCrashes("/a"), Contents{"content"});
}

TEST_F(FaultFileSystemTest, ForgetsAFileWithoutItsName) {
  auto file = Create("/a");
  ASSERT_THAT(file->WriteAt(0, "content"), IsOk());
  ASSERT_THAT(file->Sync(), IsOk());
  EXPECT_EQ(AfterCrashes("/a"), (Contents{"content", "FILE_NOT_FOUND"}));
}

TEST_F(FaultFileSystemTest, TearsWritesAtSectors) {
  auto file = Create("/a");
  ASSERT_THAT(file->WriteAt(0, std::string(1024, 'o')), IsOk());
  ASSERT_THAT(file->Sync(), IsOk());
  ASSERT_THAT(files_.SyncDirectory("/"), IsOk());
  ASSERT_THAT(file->WriteAt(0, std::string(1024, 'n')), IsOk());
  Contents expected;
  for (const char first : {'o', 'n'}) {
    for (const char second : {'o', 'n'}) {
      expected.insert(std::string(512, first) + std::string(512, second));
    }
  }
  EXPECT_EQ(AfterCrashes("/a"), expected);
}

TEST_F(FaultFileSystemTest, ReordersWrites) {
  auto file = Create("/a");
  ASSERT_THAT(file->WriteAt(0, std::string(512, '-') + "-"), IsOk());
  ASSERT_THAT(file->Sync(), IsOk());
  ASSERT_THAT(files_.SyncDirectory("/"), IsOk());
  ASSERT_THAT(file->WriteAt(0, "1"), IsOk());
  ASSERT_THAT(file->WriteAt(512, "2"), IsOk());
  const Contents found = AfterCrashes("/a");
  EXPECT_EQ(found.size(), 4u);
  EXPECT_TRUE(found.contains("-" + std::string(511, '-') + "2")) << "the later without the earlier";
}

TEST_F(FaultFileSystemTest, ForgetsSizes) {
  auto file = Create("/a");
  ASSERT_THAT(file->WriteAt(0, "1"), IsOk());
  ASSERT_THAT(file->Sync(), IsOk());
  ASSERT_THAT(files_.SyncDirectory("/"), IsOk());
  ASSERT_THAT(file->WriteAt(0, "23"), IsOk());
  std::set<size_t> sizes;
  bool rubbish = false;
  for (const std::string& content : AfterCrashes("/a")) {
    sizes.insert(content.size());
    rubbish |= content.size() == 2 && content[1] != '3' && content[1] != '\0';
  }
  EXPECT_EQ(sizes, (std::set<size_t>{1, 2}));
  EXPECT_TRUE(rubbish) << "the size without the bytes";
}

TEST_F(FaultFileSystemTest, TakesARenameApart) {
  ASSERT_THAT(files_.MakeDirectories("/to", 0700), IsOk());
  ASSERT_THAT(WriteFileDurably(files_, "/from", "new"), IsOk());
  ASSERT_THAT(WriteFileDurably(files_, "/to/a", "old"), IsOk());
  ASSERT_THAT(files_.Rename("/from", "/to/a"), IsOk());
  EXPECT_EQ(AfterCrashes("/to/a"), (Contents{"old", "new"}));
  EXPECT_EQ(AfterCrashes("/from"), (Contents{"new", "FILE_NOT_FOUND"}));
  bool both = false;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    both |= files_.Crash(seed)->Info("/to/a")->links == 2;
  }
  EXPECT_TRUE(both);
  ASSERT_THAT(files_.SyncDirectory("/to"), IsOk());
  EXPECT_EQ(AfterCrashes("/to/a"), Contents{"new"});
}

TEST_F(FaultFileSystemTest, ForgetsRemovals) {
  ASSERT_THAT(WriteFileDurably(files_, "/a", "content"), IsOk());
  ASSERT_THAT(files_.Remove("/a"), IsOk());
  EXPECT_EQ(AfterCrashes("/a"), (Contents{"content", "FILE_NOT_FOUND"}));
  ASSERT_THAT(files_.SyncDirectory("/"), IsOk());
  EXPECT_EQ(AfterCrashes("/a"), Contents{"FILE_NOT_FOUND"});
}

TEST_F(FaultFileSystemTest, ReplacesFilesWhole) {
  ASSERT_THAT(WriteFileDurably(files_, "/a", "old"), IsOk());
  const uint64_t before = files_.changes();
  ASSERT_THAT(WriteFileDurably(files_, "/a", "new"), IsOk());
  const uint64_t steps = files_.changes() - before;
  EXPECT_EQ(AfterCrashes("/a"), Contents{"new"}) << "acknowledged";
  // Cut at each of its steps, the file is the old or the new one.
  for (uint64_t step = 1; step <= steps; ++step) {
    FaultFileSystem files;
    ASSERT_THAT(WriteFileDurably(files, "/a", "old"), IsOk());
    files.CutPowerAfter(step);
    EXPECT_THAT(WriteFileDurably(files, "/a", "new"), IsError(Code::kUnavailable, "POWER_OFF"));
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const std::string content = *ReadWholeFile(*files.Crash(seed), "/a", 100);
      EXPECT_TRUE(content == "old" || content == "new") << content;
    }
  }
}

TEST_F(FaultFileSystemTest, LeavesTheOriginalAsItIs) {
  auto file = Create("/a");
  ASSERT_THAT(file->WriteAt(0, "content"), IsOk());
  AfterCrashes("/a");
  EXPECT_EQ(*ReadWholeFile(files_, "/a", 100), "content");
}

TEST_F(FaultFileSystemTest, GivesTheSameStateForTheSameSeed) {
  auto file = Create("/a");
  ASSERT_THAT(file->WriteAt(0, std::string(100'000, 'x')), IsOk());
  ASSERT_THAT(files_.SyncDirectory("/"), IsOk());
  for (uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_EQ(*ReadWholeFile(*files_.Crash(seed), "/a", 1 << 20),
              *ReadWholeFile(*files_.Crash(seed), "/a", 1 << 20));
  }
}

TEST_F(FaultFileSystemTest, CutsThePower) {
  auto file = Create("/a");
  files_.CutPowerAfter(2);
  EXPECT_THAT(file->WriteAt(0, "1"), IsOk());
  EXPECT_FALSE(files_.power_is_off());
  EXPECT_THAT(file->WriteAt(0, "2"), IsError(Code::kUnavailable, "POWER_OFF"));
  EXPECT_TRUE(files_.power_is_off());
  char out;
  EXPECT_THAT(file->ReadAt(0, &out, 1), IsError(Code::kUnavailable, "POWER_OFF"));
  EXPECT_THAT(files_.List("/"), IsError(Code::kUnavailable, "POWER_OFF"));
  EXPECT_THAT(files_.MakeDirectories("/b", 0700), IsError(Code::kUnavailable, "POWER_OFF"));
  const auto survived = files_.Crash(1);
  EXPECT_THAT(WriteFileDurably(*survived, "/b", "works again"), IsOk());
}

TEST_F(FaultFileSystemTest, RunsFull) {
  auto file = Create("/a");
  files_.SetCapacity(files_.used_bytes() + 10);
  EXPECT_THAT(file->WriteAt(0, "123456"), IsOk());
  EXPECT_THAT(file->WriteAt(6, "123456"), IsError(Code::kResourceExhausted, "DISK_FULL"));
  EXPECT_EQ(file->Info()->size_bytes, 10u) << "written in part";
  EXPECT_THAT(files_.Open("/b", kWrite), IsError(Code::kResourceExhausted, "DISK_FULL"));
  EXPECT_THAT(files_.MakeDirectories("/c", 0700), IsError(Code::kResourceExhausted, "DISK_FULL"));
  EXPECT_THAT(file->WriteAt(0, "in place"), IsOk());
  file.reset();
  ASSERT_THAT(files_.Remove("/a"), IsOk());
  EXPECT_THAT(files_.Open("/b", kWrite), IsOk());
}

TEST_F(FaultFileSystemTest, LosesWhatAFailedSyncDropped) {
  auto file = Create("/a");
  ASSERT_THAT(files_.SyncDirectory("/"), IsOk());
  ASSERT_THAT(file->WriteAt(0, "dropped"), IsOk());
  files_.FailNextSync();
  EXPECT_THAT(file->Sync(), IsError(Code::kInternal, "SYSTEM"));
  EXPECT_THAT(file->Sync(), IsOk());
  EXPECT_EQ(*ReadWholeFile(files_, "/a", 100), "dropped");
  EXPECT_EQ(AfterCrashes("/a"), Contents{""});
}

}  // namespace
}  // namespace slipway
