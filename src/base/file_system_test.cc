#include "base/file_system.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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

TEST_F(PosixFileSystemTest, OpensBeneathAFolderThroughNoLink) {
  ASSERT_THAT(files_.MakeDirectories(folder_ / "in/deep"), IsOk());
  ASSERT_THAT(files_.MakeDirectories(folder_ / "out"), IsOk());
  for (const char* name : {"in/a", "in/deep/b", "out/c"}) {
    ASSERT_THAT(WriteFileDurably(files_, folder_ / name, name), IsOk());
  }
  ASSERT_EQ(symlink("a", (folder_ / "in/link").c_str()), 0);
  ASSERT_EQ(symlink("../out", (folder_ / "in/folder").c_str()), 0);
  ASSERT_EQ(symlink("in", (folder_ / "root").c_str()), 0);
  const OpenOptions options{.refuse_special = true, .beneath = folder_ / "in"};
  for (const char* name : {"in/a", "in/deep/b"}) {
    const auto file = files_.Open(folder_ / name, options);
    ASSERT_THAT(file, IsOk());
    EXPECT_EQ((*file)->Info()->size_bytes, std::string(name).size());
  }
  for (const char* name : {"in/link", "in/folder/c", "in/../out/c", "in/deep/../../out/c", "out/c",
                           "inside", "root/a"}) {
    EXPECT_THAT(files_.Open(folder_ / name, options),
                IsError(Code::kInvalidArgument, "LINK_REFUSED"))
        << name;
  }
  EXPECT_THAT(files_.Open(folder_ / "in/none", options),
              IsError(Code::kNotFound, "FILE_NOT_FOUND"));
  const OpenOptions whole{.beneath = "/"};
  EXPECT_THAT(files_.Open("/proc/self/fd/0", whole),
              IsError(Code::kInvalidArgument, "LINK_REFUSED"));
}

// A FIFO without a writer would keep an open that waits.
TEST_F(PosixFileSystemTest, RefusesWhatIsNoFileWithoutWaitingForIt) {
  ASSERT_EQ(mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  const OpenOptions options{.refuse_special = true};
  const auto fifo = files_.Open(folder_ / "fifo", options);
  EXPECT_THAT(fifo, IsError(Code::kInvalidArgument, "FILE_SPECIAL"));
  EXPECT_EQ(fifo.error().message(), (folder_ / "fifo") + " is a FIFO, not a regular file");
  EXPECT_THAT(files_.Open("/dev/null", options), IsError(Code::kInvalidArgument, "FILE_SPECIAL"));
  EXPECT_THAT(files_.Open("/dev/null", {}), IsOk());

  const int listening = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = folder_ / "s";
  ASSERT_LT(path.size(), sizeof(address.sun_path));
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const auto opened = files_.Open(path, options);
  EXPECT_THAT(opened, IsError(Code::kInvalidArgument, "FILE_SPECIAL"));
  EXPECT_EQ(opened.error().message(), path + " is a socket, not a regular file");
  close(listening);
}

TEST_F(PosixFileSystemTest, TellsWhereLinksLead) {
  ASSERT_THAT(WriteFileDurably(files_, folder_ / "file", "x"), IsOk());
  ASSERT_EQ(symlink("./file", (folder_ / "link").c_str()), 0);
  ASSERT_EQ(symlink("missing", (folder_ / "dangling").c_str()), 0);
  ASSERT_EQ(symlink("circle", (folder_ / "circle").c_str()), 0);
  EXPECT_EQ(*files_.LinkTarget(folder_ / "file"), "");
  EXPECT_EQ(*files_.LinkTarget(folder_ / "link"), "./file");
  EXPECT_THAT(files_.LinkTarget(folder_ / "none"), IsError(Code::kNotFound, "FILE_NOT_FOUND"));
  EXPECT_EQ(*files_.Canonical(folder_ / "link"), *files_.Canonical(folder_ / "file"));
  EXPECT_THAT(files_.Canonical(folder_ / "dangling"), IsError(Code::kNotFound, "FILE_NOT_FOUND"));
  EXPECT_FALSE(files_.Canonical(folder_ / "circle").has_value());
}

}  // namespace
}  // namespace slipway
