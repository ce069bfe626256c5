#include "base/testing/file_system_contract.h"

#include "base/testing/result_matchers.h"

namespace slipway {

FileSystemMaker::FileSystemMaker(Make function) : make(function) {}

void FileSystemContract::Write(const std::string& name, std::string_view content) {
  ASSERT_THAT(WriteFileDurably(files(), Path(name), content), IsOk());
}

std::string FileSystemContract::Read(const std::string& name) {
  const auto content = ReadWholeFile(files(), Path(name), 1 << 20);
  return content ? *content : std::string(content.error().reason());
}

namespace {

using Names = std::vector<std::string>;

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FileSystemContract);

TEST_P(FileSystemContract, ReadsAndWritesAnywhereInAFile) {
  auto file = files().Open(Path("a"), {.write = true, .create = true});
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT((*file)->WriteAt(3, "def"), IsOk());
  ASSERT_THAT((*file)->WriteAt(0, "abc"), IsOk());
  ASSERT_THAT((*file)->WriteAt(10'000, "end"), IsOk());
  ASSERT_THAT((*file)->WriteAt(20'000, ""), IsOk());
  ASSERT_THAT((*file)->Sync(), IsOk());
  EXPECT_EQ((*file)->Info()->size_bytes, 10'003u);
  char out[10];
  EXPECT_EQ(*(*file)->ReadAt(1, out, 7), 7u);
  EXPECT_EQ(std::string_view(out, 7), std::string_view("bcdef\0\0", 7));
  EXPECT_EQ(*(*file)->ReadAt(10'001, out, 10), 2u);
  EXPECT_EQ(*(*file)->ReadAt(10'003, out, 10), 0u);
  EXPECT_EQ(*(*file)->ReadAt(50'000, out, 10), 0u);
  ASSERT_THAT((*file)->Truncate(4), IsOk());
  ASSERT_THAT((*file)->Truncate(6), IsOk());
  EXPECT_EQ(Read("a"), std::string("abcd\0\0", 6));
}

TEST_P(FileSystemContract, OpensAsAsked) {
  EXPECT_THAT(files().Open(Path("a"), {}), IsError(Code::kNotFound, "FILE_NOT_FOUND"));
  EXPECT_THAT(files().Open(Path("a"), {.write = true}), IsError(Code::kNotFound, "FILE_NOT_FOUND"));
  EXPECT_THAT(files().Open(Path("no/a"), {.write = true, .create = true}),
              IsError(Code::kNotFound, "FILE_NOT_FOUND"));
  const OpenOptions exclusive{.write = true, .create = true, .exclusive = true};
  ASSERT_THAT((*files().Open(Path("a"), exclusive))->WriteAt(0, "content"), IsOk());
  EXPECT_THAT(files().Open(Path("a"), exclusive), IsError(Code::kAlreadyExists, "FILE_EXISTS"));
  ASSERT_THAT(files().Open(Path("a"), {.write = true, .create = true}), IsOk());
  EXPECT_EQ(Read("a"), "content");
  ASSERT_THAT(files().Open(Path("a"), {.write = true, .truncate = true}), IsOk());
  EXPECT_EQ(Read("a"), "");
  const auto reader = files().Open(Path("a"), {});
  ASSERT_THAT(reader, IsOk());
  EXPECT_FALSE((*reader)->WriteAt(0, "x").has_value());
  EXPECT_EQ(Read("a"), "");
}

TEST_P(FileSystemContract, RenamesOverWhatIsThere) {
  Write("a", "new");
  Write("b", "old");
  auto open = files().Open(Path("b"), {});
  const uint64_t inode = files().Info(Path("a"))->inode;
  ASSERT_THAT(files().Rename(Path("a"), Path("b")), IsOk());
  EXPECT_EQ(Read("a"), "FILE_NOT_FOUND");
  EXPECT_EQ(Read("b"), "new");
  EXPECT_EQ(files().Info(Path("b"))->inode, inode);
  char out[3];
  EXPECT_EQ(*(*open)->ReadAt(0, out, 3), 3u);
  EXPECT_EQ(std::string_view(out, 3), "old");
  EXPECT_THAT(files().Rename(Path("a"), Path("b")), IsError(Code::kNotFound, "FILE_NOT_FOUND"));
  EXPECT_THAT(files().Rename(Path("b"), Path("no/b")), IsError(Code::kNotFound, "FILE_NOT_FOUND"));
}

TEST_P(FileSystemContract, RenamesFolders) {
  ASSERT_THAT(files().MakeDirectories(Path("from/deep")), IsOk());
  Write("from/deep/a", "content");
  ASSERT_THAT(files().Rename(Path("from"), Path("to")), IsOk());
  EXPECT_EQ(Read("to/deep/a"), "content");
  EXPECT_FALSE(*files().Exists(Path("from")));
}

TEST_P(FileSystemContract, LinksOneFileUnderTwoNames) {
  Write("a", "content");
  EXPECT_EQ(files().Info(Path("a"))->links, 1u);
  ASSERT_THAT(files().Link(Path("a"), Path("b")), IsOk());
  EXPECT_EQ(files().Info(Path("a"))->inode, files().Info(Path("b"))->inode);
  EXPECT_EQ(files().Info(Path("a"))->links, 2u);
  EXPECT_THAT(files().Link(Path("a"), Path("b")), IsError(Code::kAlreadyExists, "FILE_EXISTS"));
  EXPECT_THAT(files().Link(Path("no"), Path("c")), IsError(Code::kNotFound, "FILE_NOT_FOUND"));
  ASSERT_THAT(files().Remove(Path("a")), IsOk());
  EXPECT_EQ(Read("b"), "content");
}

TEST_P(FileSystemContract, RemovesFilesAndTrees) {
  EXPECT_THAT(files().Remove(Path("a")), IsError(Code::kNotFound, "FILE_NOT_FOUND"));
  EXPECT_THAT(files().RemoveTree(Path("a")), IsOk());
  ASSERT_THAT(files().MakeDirectories(Path("tree/deep/deeper")), IsOk());
  Write("tree/a", "x");
  Write("tree/deep/b", "x");
  Write("trees", "x");
  EXPECT_FALSE(files().Remove(Path("tree")).has_value());
  ASSERT_THAT(files().RemoveTree(Path("tree")), IsOk());
  EXPECT_EQ(*files().List(Path("")), Names{"trees"});
  ASSERT_THAT(files().RemoveTree(Path("trees")), IsOk());
  EXPECT_EQ(*files().List(Path("")), Names{});
}

TEST_P(FileSystemContract, MakesFoldersWithTheirParents) {
  ASSERT_THAT(files().MakeDirectories(Path("a/b/c")), IsOk());
  ASSERT_THAT(files().MakeDirectories(Path("a/b/c")), IsOk());
  EXPECT_TRUE(files().Info(Path("a/b"))->is_directory);
  Write("file", "x");
  EXPECT_FALSE(files().Info(Path("file"))->is_directory);
  EXPECT_THAT(files().MakeDirectories(Path("file")),
              IsError(Code::kFailedPrecondition, "FILE_TYPE"));
  EXPECT_FALSE(files().MakeDirectories(Path("file/deep")).has_value());
}

TEST_P(FileSystemContract, ListsNamesInOrder) {
  for (const char* name : {"b", "a", "c.d", "B"}) Write(name, "x");
  ASSERT_THAT(files().MakeDirectories(Path("dir")), IsOk());
  Write("dir/inner", "x");
  EXPECT_EQ(*files().List(Path("")), (Names{"B", "a", "b", "c.d", "dir"}));
  EXPECT_THAT(files().List(Path("no")), IsError(Code::kNotFound, "FILE_NOT_FOUND"));
  EXPECT_THAT(files().List(Path("a")), IsError(Code::kFailedPrecondition, "FILE_TYPE"));
}

TEST_P(FileSystemContract, SaysWhatIsThere) {
  Write("a", "content");
  EXPECT_TRUE(*files().Exists(Path("a")));
  EXPECT_FALSE(*files().Exists(Path("b")));
  EXPECT_FALSE(*files().Exists(Path("a/b")));
  EXPECT_EQ(files().Info(Path("a"))->size_bytes, 7u);
  EXPECT_THAT(files().Info(Path("b")), IsError(Code::kNotFound, "FILE_NOT_FOUND"));
  EXPECT_THAT(files().SyncDirectory(Path("no")), IsError(Code::kNotFound, "FILE_NOT_FOUND"));
}

TEST_P(FileSystemContract, ReadsWholeFilesUpToTheLimit) {
  Write("a", "12345");
  EXPECT_EQ(*ReadWholeFile(files(), Path("a"), 5), "12345");
  EXPECT_THAT(ReadWholeFile(files(), Path("a"), 4),
              IsError(Code::kFailedPrecondition, "FILE_TOO_LARGE"));
  EXPECT_THAT(ReadWholeFile(files(), Path("no"), 4), IsError(Code::kNotFound, "FILE_NOT_FOUND"));
  EXPECT_FALSE(ReadWholeFile(files(), Path(""), 4).has_value());
}

TEST_P(FileSystemContract, ReplacesAFileAndLeavesNothingAside) {
  Write("a", "old");
  Write("a", "new");
  EXPECT_EQ(Read("a"), "new");
  EXPECT_EQ(*files().List(Path("")), Names{"a"});
  EXPECT_THAT(WriteFileDurably(files(), Path("no/a"), "x"),
              IsError(Code::kNotFound, "FILE_NOT_FOUND"));
}

}  // namespace
}  // namespace slipway
