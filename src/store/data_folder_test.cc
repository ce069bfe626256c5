#include "store/data_folder.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"
#include "store/meta/meta_store.h"
#include "store/object/object_store.h"

namespace slipway::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class DataFolderTest : public testing::Test {
 protected:
  Result<std::unique_ptr<DataFolder>> Open() {
    return DataFolder::Open(files_, root_, "slipway 1.2.3");
  }
  void Write(const std::string& name, std::string_view content) {
    ASSERT_THAT(files_.MakeDirectories(root_), IsOk());
    ASSERT_THAT(WriteFileDurably(files_, root_ + "/" + name, content), IsOk());
  }
  std::string Read(const std::string& name) {
    const auto content = ReadWholeFile(files_, root_ + "/" + name, 10'000);
    return content ? *content : content.error().ToString();
  }
  std::vector<std::string> Names() { return *files_.List(root_); }

  FileSystem& files_ = PosixFileSystem();
  const TemporaryFolder temporary_;
  const std::string root_ = temporary_ / "parent/data";
};

TEST_F(DataFolderTest, MakesTheLayout) {
  const auto folder = Open();
  ASSERT_THAT(folder, IsOk());
  EXPECT_THAT(Names(),
              ElementsAre("blobs", "format", "lock", "run", "sites", "unpacked", "uploads"));
  EXPECT_EQ(Read("format"), "format: 2\nprogram: slipway 1.2.3\n");
  EXPECT_EQ(Read("lock"), std::to_string(getpid()) + "\n");
  EXPECT_EQ((*folder)->database_path(), root_ + "/slipway.db");
}

TEST_F(DataFolderTest, OpensAgainWhatItMade) {
  {
    ASSERT_THAT(Open(), IsOk());
  }
  Write("slipway.db", "");
  ASSERT_THAT(DataFolder::Open(files_, root_, "slipway 1.2.4"), IsOk());
  EXPECT_EQ(Read("format"), "format: 2\nprogram: slipway 1.2.3\n") << "it made no change";
}

TEST_F(DataFolderTest, TakesAnyPath) {
  const std::string before = std::filesystem::current_path();
  ASSERT_EQ(chdir(temporary_.path().c_str()), 0);
  const std::string canonical = std::filesystem::canonical(temporary_.path());
  for (const char* path : {"relative", "./relative/", "relative/../relative//"}) {
    const auto folder = DataFolder::Open(files_, path, "slipway 1.2.3");
    ASSERT_THAT(folder, IsOk()) << path;
    EXPECT_EQ((*folder)->root(), canonical + "/relative");
  }
  EXPECT_THAT(DataFolder::Open(files_, "", "slipway 1.2.3"),
              IsError(Code::kInvalidArgument, "DATA_FOLDER_PATH"));
  ASSERT_EQ(chdir(before.c_str()), 0);
}

TEST_F(DataFolderTest, RefusesASecondOwnerAndNamesTheFirst) {
  auto first = Open();
  const auto second = Open();
  ASSERT_THAT(second, IsError(Code::kFailedPrecondition, "DATA_FOLDER_IN_USE"));
  EXPECT_EQ(second.error().detail("pid"), std::to_string(getpid()));
  EXPECT_THAT(second.error().message(), HasSubstr("process " + std::to_string(getpid())));
  first->reset();
  EXPECT_THAT(Open(), IsOk());
}

TEST_F(DataFolderTest, IsFreeOnceItsOwnerIsKilled) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t owner = fork();
  if (owner == 0) {
    const auto folder = Open();
    static_cast<void>(!write(ready[1], folder ? "y" : "n", 1));
    while (true) pause();
  }
  char answer = 0;
  ASSERT_EQ(read(ready[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  const auto refused = Open();
  ASSERT_THAT(refused, IsError(Code::kFailedPrecondition, "DATA_FOLDER_IN_USE"));
  EXPECT_EQ(refused.error().detail("pid"), std::to_string(owner));
  kill(owner, SIGKILL);
  waitpid(owner, nullptr, 0);
  EXPECT_THAT(Open(), IsOk());
  close(ready[0]);
  close(ready[1]);
}

TEST_F(DataFolderTest, IsNotHeldByProgramsThatItsOwnerStarts) {
  auto folder = Open();
  const pid_t child = fork();
  if (child == 0) {
    execl("/bin/sleep", "sleep", "60", static_cast<char*>(nullptr));
    _exit(127);
  }
  // The child has the descriptor until its exec; after that the folder is free without its end.
  folder->reset();
  Result<std::unique_ptr<DataFolder>> again = Open();
  for (int i = 0; i < 500 && !again; ++i) {
    usleep(10'000);
    again = Open();
  }
  EXPECT_THAT(again, IsOk());
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

TEST_F(DataFolderTest, RefusesAFolderWithOtherContent) {
  Write("thesis.tex", "years of work");
  const auto folder = Open();
  ASSERT_THAT(folder, IsError(Code::kFailedPrecondition, "DATA_FOLDER_FOREIGN"));
  EXPECT_THAT(folder.error().message(), HasSubstr("thesis.tex"));
  EXPECT_THAT(Names(), ElementsAre("thesis.tex")) << "nothing was changed";
}

TEST_F(DataFolderTest, RefusesADatabaseWithoutItsFormat) {
  {
    ASSERT_THAT(Open(), IsOk());
  }
  Write("slipway.db", "");
  ASSERT_THAT(files_.Remove(root_ + "/format"), IsOk());
  EXPECT_THAT(Open(), IsError(Code::kFailedPrecondition, "DATA_FOLDER_FOREIGN"));
}

TEST_F(DataFolderTest, GoesOnWithAFirstStartThatWasCutOff) {
  for (const char* folder : {"blobs", "uploads"}) {
    ASSERT_THAT(files_.MakeDirectories(root_ + "/" + folder), IsOk());
  }
  Write("lock", "");
  Write("format.new-0123", "format:");
  ASSERT_THAT(Open(), IsOk());
  EXPECT_EQ(Read("format"), "format: 2\nprogram: slipway 1.2.3\n");
}

TEST_F(DataFolderTest, RefusesANewerFolderAndChangesNothing) {
  Write("format", "format: 3\nprogram: slipway 9.9.9\nlayout: something new\n");
  const auto folder = Open();
  ASSERT_THAT(folder, IsError(Code::kFailedPrecondition, "FORMAT_NEWER"));
  EXPECT_THAT(folder.error().message(), HasSubstr("slipway 9.9.9"));
  EXPECT_EQ(folder.error().detail("format"), "3");
  EXPECT_EQ(folder.error().detail("program"), "slipway 9.9.9");
  EXPECT_THAT(Names(), ElementsAre("format", "lock"));
}

TEST_F(DataFolderTest, RefusesAFormatThatItCannotRead) {
  Write("format", "form");
  EXPECT_THAT(Open(), IsError(Code::kFailedPrecondition, "FORMAT_INVALID"));
  Write("format", std::string(5000, '\n'));
  EXPECT_THAT(Open(), IsError(Code::kFailedPrecondition, "FILE_TOO_LARGE"));
}

TEST(ParseFolderFormatTest, TakesNamesThatItDoesNotKnow) {
  const auto format = ParseFolderFormat("future: yes\nformat: 17\nprogram: slipway 5: beta\n");
  ASSERT_THAT(format, IsOk());
  EXPECT_EQ(format->number, 17);
  EXPECT_EQ(format->program, "slipway 5: beta");
}

TEST(ParseFolderFormatTest, SaysWhatIsWrong) {
  const auto expect_error = [](std::string_view text, std::string_view part) {
    const auto format = ParseFolderFormat(text);
    ASSERT_THAT(format, IsError(Code::kFailedPrecondition, "FORMAT_INVALID")) << text;
    EXPECT_THAT(format.error().message(), HasSubstr(std::string(part))) << text;
  };
  expect_error("", "`format: NUMBER` is missing");
  expect_error("program: x\n", "`format: NUMBER` is missing");
  expect_error("format: 2", "line 1 has no end");
  expect_error("program: x\nformat 2\n", "line 2 is not `name: value`");
  for (const char* number : {"", "0", "-1", "2x", " 2", "99999999999999999999"}) {
    expect_error("format: " + std::string(number) + "\n", "line 1 has no format number");
  }
}

// A folder as the first program that wrote format 1 left it; it is never made anew.
class Format1Test : public DataFolderTest {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(temporary_ / "parent");
    std::filesystem::copy("src/store/testdata/format-1", root_,
                          std::filesystem::copy_options::recursive);
  }

  void ExpectEverythingIsThere() {
    auto objects = MakeLocalObjectStore(files_, root_);
    ASSERT_THAT(objects, IsOk());
    std::vector<std::string> contents;
    ASSERT_THAT(ForEachObject(**objects,
                              [&](const Digest& digest, const ObjectInfo&) -> Result<void> {
                                TRY(content, GetObject(**objects, digest, 1000));
                                EXPECT_EQ(Digest::Of(content), digest);
                                contents.push_back(content);
                                return {};
                              }),
                IsOk());
    EXPECT_THAT(contents,
                UnorderedElementsAre("first object of format 1\n", "second object of format 1\n"));
    auto meta = MakeSqliteMetaStore({.path = root_ + "/slipway.db", .program = "slipway 1.2.3"});
    ASSERT_THAT(meta, IsOk());
    EXPECT_EQ((*meta)->epoch(), "00112233445566778899aabbccddeeff");
    ASSERT_THAT((*meta)->ReadNow([](const Snapshot& s) -> Result<void> {
      EXPECT_EQ(*s.Get("sample/a"), "one");
      EXPECT_EQ(*s.Get("sample/b"), "two");
      EXPECT_EQ(*s.Version(), 4u);
      return {};
    }),
                IsOk());
    const auto page = (*meta)->Changes(1, "", 10);
    ASSERT_EQ(page->changes.size(), 2u);
    EXPECT_EQ(page->changes[1].key, "sample/c");
    EXPECT_TRUE(page->changes[1].deleted);
  }
};

TEST_F(Format1Test, IsMigratedForward) {
  for (int i = 0; i < 2; ++i) {
    const auto folder = Open();
    ASSERT_THAT(folder, IsOk());
    EXPECT_EQ(Read("format"), "format: 2\nprogram: slipway 1.2.3\n");
    ExpectEverythingIsThere();
  }
}

TEST_F(Format1Test, GoesOnWithAMigrationThatWasCutOff) {
  const std::string blobs = root_ + "/blobs/sha256/";
  const std::string moved = files_.List(blobs)->front();
  ASSERT_THAT(files_.MakeDirectories(blobs + moved.substr(0, 2)), IsOk());
  ASSERT_THAT(files_.Rename(blobs + moved, blobs + moved.substr(0, 2) + "/" + moved), IsOk());
  ASSERT_THAT(Open(), IsOk());
  EXPECT_EQ(Read("format"), "format: 2\nprogram: slipway 1.2.3\n");
  ExpectEverythingIsThere();
}

}  // namespace
}  // namespace slipway::store
