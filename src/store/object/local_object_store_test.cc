#include <sys/stat.h>

#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"
#include "store/testing/object_store_contract.h"

namespace slipway::store {
namespace {

class LocalUnderTest final : public ObjectStoreUnderTest {
 public:
  ObjectStore& store() override { return *store_; }

 private:
  const TemporaryFolder folder_;
  const std::unique_ptr<ObjectStore> store_ =
      *MakeLocalObjectStore(PosixFileSystem(), folder_.path());
};

std::unique_ptr<ObjectStoreUnderTest> Make() {
  return std::make_unique<LocalUnderTest>();
}

INSTANTIATE_TEST_SUITE_P(Local, ObjectStoreContract, testing::Values(ObjectStoreMaker(Make)));

class LocalObjectStoreTest : public testing::Test {
 protected:
  // As after a restart: what the store knew in memory is gone.
  ObjectStore& Reopen() {
    store_.reset();
    store_ = *MakeLocalObjectStore(files_, folder_.path());
    return *store_;
  }
  // As after another start of the machine.
  ObjectStore& ReopenAfterBoot() {
    EXPECT_THAT(WriteFileDurably(files_, folder_ / "uploads.boot", "of before\n"), IsOk());
    return Reopen();
  }
  std::vector<std::string> Uploads() { return *files_.List(folder_ / "uploads"); }

  FileSystem& files_ = PosixFileSystem();
  const TemporaryFolder folder_;
  std::unique_ptr<ObjectStore> store_ = *MakeLocalObjectStore(files_, folder_.path());
};

TEST_F(LocalObjectStoreTest, KeepsObjectsReadOnlyUnderTheirDigest) {
  const auto digest = PutObject(*store_, "content");
  const std::string hex = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73";
  EXPECT_EQ(digest->text(), "sha256:" + hex);
  const std::string path = folder_ / "blobs/sha256/ed/" + hex;
  EXPECT_EQ(store_->LocalPath(*digest), path);
  EXPECT_EQ(*ReadWholeFile(files_, path, 100), "content");
  struct stat status{};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0444u);
  EXPECT_TRUE(Uploads().empty());
}

TEST_F(LocalObjectStoreTest, HasObjectsAfterARestart) {
  const auto digest = PutObject(*store_, "content");
  EXPECT_EQ(*GetObject(Reopen(), *digest, 100), "content");
}

// The kernel keeps what a process wrote that was killed: nothing of it is sent again.
TEST_F(LocalObjectStoreTest, ResumesAfterARestartWithAllThatCame) {
  auto upload = *store_->Begin();
  const std::string id = upload->id();
  ASSERT_THAT(upload->Append("synced "), IsOk());
  ASSERT_THAT(upload->Sync(), IsOk());
  ASSERT_THAT(upload->Append("and not"), IsOk());
  upload.reset();

  auto again = Reopen().Resume(id);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ((*again)->size_bytes(), 14u);
  ASSERT_THAT((*again)->Append("!"), IsOk());
  ASSERT_THAT(store_->Commit(std::move(*again), Digest::Of("synced and not!")), IsOk());
  EXPECT_TRUE(Uploads().empty());
}

TEST_F(LocalObjectStoreTest, ResumesAfterAnotherBootFromTheLastSync) {
  auto upload = *store_->Begin();
  const std::string id = upload->id();
  ASSERT_THAT(upload->Append("synced "), IsOk());
  ASSERT_THAT(upload->Sync(), IsOk());
  ASSERT_THAT(upload->Append("and not"), IsOk());
  upload.reset();

  ReopenAfterBoot();
  auto again = Reopen().Resume(id);  // cut by the first process after it, for all
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ((*again)->size_bytes(), 7u);
  ASSERT_THAT((*again)->Append("!"), IsOk());
  const auto digest = store_->Commit(std::move(*again), Digest::Of("synced !"));
  ASSERT_THAT(digest, IsOk());
  EXPECT_EQ(*GetObject(*store_, *digest, 100), "synced !");
  EXPECT_TRUE(Uploads().empty());
}

TEST_F(LocalObjectStoreTest, TakesADamagedMarkerForNothingSynced) {
  for (const std::string_view marker :
       {std::string_view(""), std::string_view("7\n"), std::string_view("0000000000000000000x\n"),
        std::string_view("-0000000000000000007\n"), std::string_view("99999999999999999999\n")}) {
    auto upload = *store_->Begin();
    const std::string id = upload->id();
    ASSERT_THAT(upload->Append("content"), IsOk());
    ASSERT_THAT(upload->Sync(), IsOk());
    upload.reset();
    ASSERT_THAT(WriteFileDurably(files_, folder_ / ("uploads/" + id + ".synced"), marker), IsOk());
    EXPECT_EQ((*ReopenAfterBoot().Resume(id))->size_bytes(), 0u) << marker;
  }
}

// A spool with a second name was published, and its first name came back in a crash.
TEST_F(LocalObjectStoreTest, NeverWritesIntoAPublishedObject) {
  const auto digest = PutObject(*store_, "content");
  const std::string id(32, 'a');
  ASSERT_THAT(files_.Link(*store_->LocalPath(*digest), folder_ / ("uploads/" + id)), IsOk());
  EXPECT_THAT(Reopen().Resume(id), IsError(Code::kNotFound, "UPLOAD_UNKNOWN"));
  EXPECT_EQ(*GetObject(*store_, *digest, 100), "content");
  EXPECT_TRUE(Uploads().empty());
}

TEST_F(LocalObjectStoreTest, ReplacesAnObjectThatLostItsEnd) {
  const auto digest = PutObject(*store_, "content");
  const std::string path = *store_->LocalPath(*digest);
  ASSERT_EQ(truncate(path.c_str(), 3), 0);
  ASSERT_THAT(PutObject(*store_, "content"), IsOk());
  EXPECT_EQ(*GetObject(*store_, *digest, 100), "content");
}

TEST_F(LocalObjectStoreTest, LeavesFilesAloneThatAreNotItsOwn) {
  ASSERT_THAT(PutObject(*store_, "content"), IsOk());
  ASSERT_THAT(WriteFileDurably(files_, folder_ / "uploads/README", "hands off"), IsOk());
  ASSERT_THAT(WriteFileDurably(files_, folder_ / "blobs/sha256/ed/README", "hands off"), IsOk());
  ASSERT_THAT(WriteFileDurably(files_, folder_ / "blobs/sha256/README", "hands off"), IsOk());
  EXPECT_EQ(*store_->RemoveStaleUploads(UINT64_MAX / 2), 0u);
  int objects = 0;
  EXPECT_THAT(ForEachObject(Reopen(),
                            [&](const Digest&, const ObjectInfo&) -> Result<void> {
                              ++objects;
                              return {};
                            }),
              IsOk());
  EXPECT_EQ(objects, 1);
  EXPECT_EQ(Uploads(), std::vector<std::string>{"README"});
}

TEST_F(LocalObjectStoreTest, RemovesMarkersWithoutASpool) {
  const std::string marker = "uploads/" + std::string(32, 'b') + ".synced";
  ASSERT_THAT(WriteFileDurably(files_, folder_ / marker, "00000000000000000007\n"), IsOk());
  EXPECT_EQ(*store_->RemoveStaleUploads(0), 0u);
  EXPECT_TRUE(Uploads().empty());
}

}  // namespace
}  // namespace slipway::store
