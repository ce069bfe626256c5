#include "base/file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/testing/file_system_contract.h"
#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"

namespace slipway {
namespace {

class PosixUnderTest final : public FileSystemUnderTest {
 public:
  FileSystem& files() override { return PosixFileSystem(); }
  std::string root() override { return folder_.path(); }

 private:
  const TemporaryFolder folder_;
};

std::unique_ptr<FileSystemUnderTest> Make() {
  return std::make_unique<PosixUnderTest>();
}

INSTANTIATE_TEST_SUITE_P(Posix, FileSystemContract, testing::Values(FileSystemMaker(Make)));

class PosixFileSystemTest : public testing::Test {
 protected:
  FileSystem& files_ = PosixFileSystem();
  const TemporaryFolder folder_;
};

TEST_F(PosixFileSystemTest, MakesFilesWithTheirModeAndPassesNoneToPrograms) {
  auto file = files_.Open(folder_ / "a", {.write = true, .create = true, .mode = 0640});
  ASSERT_THAT(file, IsOk());
  EXPECT_NE(fcntl((*file)->descriptor(), F_GETFD) & FD_CLOEXEC, 0);
  struct stat status{};
  ASSERT_EQ(fstat((*file)->descriptor(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777 & ~0027u, 0640u & ~0027u);
  ASSERT_THAT((*file)->SetMode(0444), IsOk());
  ASSERT_EQ(fstat((*file)->descriptor(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0444u);
}

TEST_F(PosixFileSystemTest, WritesFilesForTheirOwnerOnly) {
  ASSERT_THAT(WriteFileDurably(files_, folder_ / "secret", "s"), IsOk());
  struct stat status{};
  ASSERT_EQ(stat((folder_ / "secret").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
}

TEST_F(PosixFileSystemTest, RemovesATreeButNotWhatItsLinksName) {
  ASSERT_THAT(files_.MakeDirectories(folder_ / "outside"), IsOk());
  ASSERT_THAT(WriteFileDurably(files_, folder_ / "outside/keep", "x"), IsOk());
  ASSERT_THAT(files_.MakeDirectories(folder_ / "tree/deep"), IsOk());
  ASSERT_EQ(symlink((folder_ / "outside").c_str(), (folder_ / "tree/deep/link").c_str()), 0);
  ASSERT_THAT(files_.RemoveTree(folder_ / "tree"), IsOk());
  EXPECT_FALSE(*files_.Exists(folder_ / "tree"));
  EXPECT_TRUE(*files_.Exists(folder_ / "outside/keep"));
}

TEST_F(PosixFileSystemTest, ReadsFilesWhoseSizeIsNotKnownBefore) {
  EXPECT_FALSE(ReadWholeFile(files_, "/proc/self/status", 1 << 20)->empty());
  EXPECT_THAT(ReadWholeFile(files_, "/dev/zero", 10'000),
              IsError(Code::kFailedPrecondition, "FILE_TOO_LARGE"));
}

}  // namespace
}  // namespace slipway
