// Index rows: what finds the users of blobs and objects, and how older data gets them.
#include "registry/references.h"

#include <filesystem>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"
#include "oci/media_types.h"
#include "registry/limits.h"
#include "registry/testing/registry_fixture.h"

namespace slipway::registry {
namespace {

using ::testing::IsEmpty;
using Rows = std::map<std::string, std::string>;

Rows RowsWith(store::MetaStore& meta, const std::string& prefix) {
  Rows rows;
  EXPECT_THAT(meta.ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(found, snapshot.Scan(prefix, store::PrefixEnd(prefix), 100'000));
    for (store::KeyValue& row : found) rows[row.key] = std::move(row.value);
    return {};
  }),
              IsOk());
  return rows;
}

constexpr const char* kIndexes[] = {"registry/used/", "registry/names/", "registry/user/",
                                    "registry/other/", "registry/format"};

class ReferencesTest : public ::testing::Test {
 protected:
  Digest Push(const std::string& repository, const std::string& tag,
              const std::vector<std::string>& layers, const std::string& more = "") {
    registry_->PushBlob(repository, "{}");
    for (const std::string& layer : layers) registry_->PushBlob(repository, layer);
    return registry_->PushManifest(repository, tag, ManifestJson("{}", layers, more));
  }
  std::optional<Digest> UserOf(const std::string& repository, const std::string& blob) {
    std::optional<Digest> user;
    EXPECT_THAT(stores_.meta->ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
      TRY(found, FindBlobUser(snapshot, repository, Digest::Of(blob)));
      user = std::move(found);
      return {};
    }),
                IsOk());
    return user;
  }
  bool IsUsed(const std::string& content) {
    bool used = false;
    EXPECT_THAT(stores_.meta->ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
      TRY(found, IsObjectUsed(snapshot, Digest::Of(content)));
      used = found;
      return {};
    }),
                IsOk());
    return used;
  }
  void PushOfEveryKind() {
    const std::vector<std::string> layers = {"one", std::string(70'000, 'x')};
    const Digest image = Push("shop/a", "v1", layers);
    const size_t size = ManifestJson("{}", layers).size();
    Push("shop/a", "signature", {},
         R"("subject":{"mediaType":"x/y","digest":")" + image.text() + R"(","size":1})");
    Push("shop/a", "large", {}, R"("annotations":{"a":")" + std::string(70'000, 'y') + "\"}");
    registry_->PushBlob("shop/b", "only by sha512", DigestAlgorithm::kSha512);
    const std::string index =
        R"({"schemaVersion":2,"mediaType":")" + std::string(oci::kImageIndexType) +
        R"(","manifests":[{"mediaType":")" + std::string(oci::kImageManifestType) +
        R"(","digest":")" + image.text() + R"(","size":)" + std::to_string(size) + "}]}";
    registry_->PushManifest("shop/a", "index", index);
    // More than are indexed in one transaction.
    for (size_t i = 0; i < 2 * kIndexedTogether + 1; ++i) {
      Push("shop/many", "t" + std::to_string(i), {"layer " + std::to_string(i)});
    }
  }
  void Forget(const std::vector<std::string>& prefixes) {
    EXPECT_THAT(stores_.meta->MutateNow(
                    CallContext::System("test"),
                    [&](store::Transaction& transaction) -> Result<void> {
                      for (const std::string& prefix : prefixes) {
                        TRY(rows, transaction.Scan(prefix, store::PrefixEnd(prefix), 10'000));
                        for (const store::KeyValue& row : rows) {
                          TRY_VOID(transaction.Delete(row.key));
                        }
                      }
                      return {};
                    }),
                IsOk());
  }

  RegistryStores stores_;
  std::unique_ptr<RegistryFixture> registry_ = std::make_unique<RegistryFixture>(stores_);
};

TEST_F(ReferencesTest, FollowManifestsAsTheyComeAndGo) {
  const Digest one = Push("shop/a", "v1", {"shared", "one"});
  const Digest two = Push("shop/a", "v2", {"shared", "two"});
  EXPECT_EQ(UserOf("shop/a", "one"), one);
  EXPECT_TRUE(UserOf("shop/a", "shared") == one || UserOf("shop/a", "shared") == two);
  EXPECT_EQ(UserOf("shop/b", "one"), std::nullopt);
  EXPECT_EQ(registry_->Delete("/v2/shop/a/manifests/" + one.text()).status, 202);
  EXPECT_EQ(UserOf("shop/a", "one"), std::nullopt);
  EXPECT_EQ(UserOf("shop/a", "shared"), two);
  EXPECT_TRUE(IsUsed("one")) << "the blob is there";
  EXPECT_EQ(registry_->Delete("/v2/shop/a/blobs/" + Digest::Of("one").text()).status, 202);
  EXPECT_FALSE(IsUsed("one"));
  EXPECT_EQ(registry_->Delete("/v2/shop/a/blobs/" + Digest::Of("two").text()).status, 405);
  EXPECT_EQ(registry_->Delete("/v2/shop/a/manifests/" + two.text()).status, 202);
  for (const char* prefix : {"registry/used/", "registry/names/", "registry/other/"}) {
    EXPECT_THAT(RowsWith(*stores_.meta, prefix), IsEmpty()) << prefix;
  }
}

TEST_F(ReferencesTest, AnObjectIsUsedUnderEveryDigest) {
  const std::string content = "content";
  const Digest sha512 = registry_->PushBlob("shop/a", content, DigestAlgorithm::kSha512);
  EXPECT_TRUE(IsUsed(content));
  EXPECT_EQ(registry_->Delete("/v2/shop/a/blobs/" + sha512.text()).status, 202);
  EXPECT_FALSE(IsUsed(content));
  const Digest manifest = Push("shop/a", "v1", {});
  const std::string bytes = registry_->Get("/v2/shop/a/manifests/v1").body;
  EXPECT_TRUE(IsUsed(bytes));
  // The same bytes as a blob of another repository.
  registry_->PushBlob("shop/b", bytes);
  EXPECT_EQ(registry_->Delete("/v2/shop/a/manifests/" + manifest.text()).status, 202);
  EXPECT_TRUE(IsUsed(bytes));
  EXPECT_EQ(registry_->Delete("/v2/shop/b/blobs/" + manifest.text()).status, 202);
  EXPECT_FALSE(IsUsed(bytes));
}

TEST_F(ReferencesTest, AreMadeForWhatAnOlderProgramWrote) {
  PushOfEveryKind();
  const Rows expected = RowsWith(*stores_.meta, "registry/");
  Forget({std::begin(kIndexes), std::end(kIndexes)});
  ASSERT_LT(RowsWith(*stores_.meta, "registry/").size(), expected.size());
  registry_ = std::make_unique<RegistryFixture>(stores_);
  EXPECT_EQ(RowsWith(*stores_.meta, "registry/"), expected);
}

TEST_F(ReferencesTest, AreMadeFromWhereTheyWereCutOff) {
  PushOfEveryKind();
  const Rows expected = RowsWith(*stores_.meta, "registry/");
  // As it was after some of the manifests: those of shop/a are done.
  Forget({"registry/used/shop/many", "registry/names/shop/many", "registry/other/shop/many",
          "registry/format"});
  const std::string last = RowsWith(*stores_.meta, "registry/manifest/shop/a").rbegin()->first;
  ASSERT_THAT(stores_.meta->MutateNow(CallContext::System("test"),
                                      [&](store::Transaction& transaction) {
                                        return transaction.Put("registry/format-progress", last);
                                      }),
              IsOk());
  registry_ = std::make_unique<RegistryFixture>(stores_);
  EXPECT_EQ(RowsWith(*stores_.meta, "registry/"), expected);
}

TEST_F(ReferencesTest, AManifestThatCannotBeReadNamesNothing) {
  Push("shop/a", "v1", {"one"});
  const Digest large = Push("shop/a", "large", {"two"},
                            R"("annotations":{"a":")" + std::string(70'000, 'y') + "\"}");
  Forget({std::begin(kIndexes), std::end(kIndexes)});
  ASSERT_THAT(stores_.objects->Remove(large), IsOk());
  registry_ = std::make_unique<RegistryFixture>(stores_);
  EXPECT_TRUE(UserOf("shop/a", "one").has_value());
  EXPECT_EQ(UserOf("shop/a", "two"), std::nullopt);
  EXPECT_EQ(registry_->Delete("/v2/shop/a/manifests/" + large.text()).status, 202);
}

// A folder as format 2 left it: see what is in it in tests/system/test_collection.py.
TEST_F(ReferencesTest, AreMadeInAFolderOfFormat2) {
  TemporaryFolder folder;
  std::filesystem::copy(
      "src/store/testdata/format-2", folder.path(),
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
  RegistryStores old;
  old.meta = *store::MakeSqliteMetaStore({.path = folder / "slipway.db"});
  old.objects = *store::MakeLocalObjectStore(PosixFileSystem(), folder.path());
  RegistryFixture registry(old);
  const Rows used = RowsWith(*old.meta, "registry/used/old/app@");
  EXPECT_EQ(used.size(), 3u + 2u + 1u + 2u + 1u) << "of v1, v2, large, index and signature";
  EXPECT_EQ(RowsWith(*old.meta, "registry/user/").size(), 6u + 2u) << "manifests, sha512 blobs";
  EXPECT_EQ(RowsWith(*old.meta, "registry/other/").size(), 4u);
  EXPECT_EQ(RowsWith(*old.meta, "registry/format")["registry/format"], "2");
  EXPECT_EQ(registry.Delete("/v2/old/app/blobs/" + Digest::Of("small").text()).status, 405);
  EXPECT_EQ(registry.Delete("/v2/old/app/blobs/" + Digest::Of("garbage row").text()).status, 202);
}

}  // namespace
}  // namespace slipway::registry
