// Damage is found, told, not served, and healed by a push of the same content.
#include "registry/scrubber.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"
#include "oci/content_source.h"
#include "registry/content.h"
#include "registry/limits.h"
#include "registry/testing/stored_content.h"

namespace slipway::registry {
namespace {

using ::testing::HasSubstr;

const std::string kLarge(kMaxInlineBytes + 1, 'l');

class ScrubberTest : public ::testing::Test {
 protected:
  ScrubberTest() {
    stores_.objects = *store::MakeLocalObjectStore(PosixFileSystem(), folder_.path());
    registry_ = std::make_unique<RegistryFixture>(stores_);
    Push("shop/a", "v1", {"small", kLarge});
  }
  Digest Push(const std::string& repository, const std::string& tag,
              const std::vector<std::string>& layers) {
    registry_->PushBlob(repository, "{}");
    for (const std::string& layer : layers) registry_->PushBlob(repository, layer);
    return registry_->PushManifest(repository, tag, ManifestJson("{}", layers));
  }
  ScrubPass Scrub(ScrubPass pass = {}) {
    const auto scrubber = registry_->registry().MakeScrubber(std::move(pass));
    while (!scrubber->pass().finished_at) EXPECT_THAT(scrubber->Step(), IsOk());
    return scrubber->pass();
  }
  // Changes one byte, as a disk does: size and times stay.
  void Rot(const std::string& content) {
    const std::string path = *stores_.objects->LocalPath(Digest::Of(content));
    std::filesystem::permissions(path, std::filesystem::perms::owner_write,
                                 std::filesystem::perm_options::add);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(content.size() / 2));
    file.put('X');
    ASSERT_TRUE(file.good());
  }
  void RotRow(const std::string& content) {
    ASSERT_THAT(stores_.meta->MutateNow(CallContext::System("test"),
                                        [&](store::Transaction& transaction) {
                                          return transaction.Put(ObjectKey(Digest::Of(content)),
                                                                 std::string(content.size(), '?'));
                                        }),
                IsOk());
  }
  TestResponse Blob(const std::string& content, const char* repository = "shop/a") {
    return registry_->Get(std::string("/v2/") + repository + "/blobs/" +
                          Digest::Of(content).text());
  }
  void ExpectDamaged(const TestResponse& response, const std::string& code) {
    EXPECT_EQ(response.status, 404);
    EXPECT_EQ(response.error_code(), code);
    EXPECT_THAT(response.body, HasSubstr("damaged"));
    EXPECT_THAT(response.body, HasSubstr("push the same content again"));
  }

  TemporaryFolder folder_;
  RegistryStores stores_;
  std::unique_ptr<RegistryFixture> registry_;
};

TEST_F(ScrubberTest, FindsNothingWhereNothingIsWrong) {
  registry_->PushBlob("shop/b", "by sha512", DigestAlgorithm::kSha512);
  const ScrubPass pass = Scrub();
  EXPECT_EQ(pass.objects, 5u) << "config, two layers, the manifest, and one by sha512";
  EXPECT_EQ(pass.damaged, 0u);
  EXPECT_GT(pass.bytes, kLarge.size());
  EXPECT_EQ(registry_->registry().damaged(), 0u);
}

TEST_F(ScrubberTest, ARottenFileIsNotServedUntilItIsPushedAgain) {
  Rot(kLarge);
  EXPECT_EQ(Blob(kLarge).status, 200) << "nobody knows yet";
  EXPECT_EQ(Scrub().damaged, 1u);
  EXPECT_EQ(registry_->registry().damaged(), 1u);
  ExpectDamaged(Blob(kLarge), "BLOB_UNKNOWN");
  EXPECT_EQ(registry_->Head("/v2/shop/a/blobs/" + Digest::Of(kLarge).text()).status, 404);
  EXPECT_EQ(Blob("small").status, 200);
  // Known after a restart as well.
  registry_ = std::make_unique<RegistryFixture>(stores_);
  ExpectDamaged(Blob(kLarge), "BLOB_UNKNOWN");
  const auto content = MakeRegistryContent(*stores_.meta, *stores_.objects);
  EXPECT_THAT(content->Open(Digest::Of(kLarge)), IsError(Code::kDataLoss, "BLOB_DAMAGED"));
  EXPECT_FALSE(content->LocalPath(Digest::Of(kLarge)).has_value());
  // It is no content to build on, either.
  const std::string digest = Digest::Of(kLarge).text();
  EXPECT_EQ(registry_->Post("/v2/shop/b/blobs/uploads/?mount=" + digest + "&from=shop/a").status,
            202);
  const TestResponse refused = registry_->Put("/v2/shop/a/manifests/v2",
                                              ManifestJson("{}", {kLarge}, R"("annotations":{})"));
  EXPECT_EQ(refused.error_code(), "MANIFEST_BLOB_UNKNOWN") << refused.body;

  registry_->PushBlob("shop/c", kLarge);
  EXPECT_EQ(registry_->registry().damaged(), 0u);
  EXPECT_EQ(Blob(kLarge).body, kLarge) << "healed for everybody";
  EXPECT_EQ(Scrub().damaged, 0u);
}

TEST_F(ScrubberTest, AFileThatLostItsEndIsNotServedEvenBeforeAScrub) {
  const std::string path = *stores_.objects->LocalPath(Digest::Of(kLarge));
  std::filesystem::permissions(path, std::filesystem::perms::owner_write,
                               std::filesystem::perm_options::add);
  std::filesystem::resize_file(path, 10);
  ExpectDamaged(Blob(kLarge), "BLOB_UNKNOWN");
  EXPECT_EQ(registry_->Head("/v2/shop/a/blobs/" + Digest::Of(kLarge).text()).status, 404);
  registry_->PushBlob("shop/c", kLarge);
  EXPECT_EQ(Blob(kLarge).body, kLarge);
}

TEST_F(ScrubberTest, AMissingFileIsDamage) {
  ASSERT_THAT(stores_.objects->Remove(Digest::Of(kLarge)), IsOk());
  EXPECT_EQ(Scrub().damaged, 1u);
  ExpectDamaged(Blob(kLarge), "BLOB_UNKNOWN");
  registry_->PushBlob("shop/a", kLarge, DigestAlgorithm::kSha512);
  EXPECT_EQ(Blob(kLarge).body, kLarge);
}

// A restart during its upload made it a file; what heals it is a row.
TEST_F(ScrubberTest, ASmallFileIsHealedByARow) {
  const std::string content = "small, in two pieces";
  const Digest digest = Digest::Of(content);
  const TestResponse begun = registry_->Post("/v2/shop/a/blobs/uploads/");
  const std::string location = begun.header("Location");
  registry_ = std::make_unique<RegistryFixture>(stores_);
  ASSERT_EQ(registry_->Put(location + "?digest=" + digest.text(), content).status, 201);
  ASSERT_TRUE(stores_.objects->Info(digest).has_value()) << "it is a file";
  registry_->PushManifest("shop/a", "v2", ManifestJson("{}", {content}));
  Rot(content);
  EXPECT_EQ(Scrub().damaged, 1u);
  registry_->PushBlob("shop/a", content);
  EXPECT_EQ(registry_->registry().damaged(), 0u);
  EXPECT_EQ(Blob(content).body, content);
  EXPECT_THAT(stores_.objects->Info(digest), IsError(Code::kNotFound, "BLOB_UNKNOWN"));
  const auto source = MakeRegistryContent(*stores_.meta, *stores_.objects);
  EXPECT_FALSE(source->LocalPath(digest).has_value());
  // Of a file that was left there before, the row counts.
  ASSERT_THAT(store::PutObject(*stores_.objects, content), IsOk());
  EXPECT_FALSE(source->LocalPath(digest).has_value());
  EXPECT_EQ(oci::ReadContent(*source, digest, 100).value(), content);
}

TEST_F(ScrubberTest, ARottenRow) {
  RotRow("small");
  EXPECT_EQ(Scrub().damaged, 1u);
  ExpectDamaged(Blob("small"), "BLOB_UNKNOWN");
  registry_->PushBlob("shop/a", "small");
  EXPECT_EQ(Blob("small").body, "small");
  EXPECT_EQ(registry_->registry().damaged(), 0u);
}

TEST_F(ScrubberTest, ManifestsInRowsAndFiles) {
  const std::string in_row = ManifestJson("{}", {"small", kLarge});
  const std::string in_file =
      ManifestJson("{}", {"small"}, R"("annotations":{"a":")" + kLarge + "\"}");
  registry_->PushManifest("shop/a", "large", in_file);
  RotRow(in_row);
  Rot(in_file);
  EXPECT_EQ(Scrub().damaged, 2u);
  for (const auto& [tag, bytes] : {std::pair("v1", in_row), std::pair("large", in_file)}) {
    const std::string path = std::string("/v2/shop/a/manifests/") + tag;
    ExpectDamaged(registry_->Get(path), "MANIFEST_UNKNOWN");
    EXPECT_EQ(registry_->Head(path).status, 404);
    registry_->PushManifest("shop/a", tag, bytes);
    EXPECT_EQ(registry_->Get(path).body, bytes);
  }
  EXPECT_EQ(Scrub().damaged, 0u);
}

TEST_F(ScrubberTest, ADamagedReferrerDoesNotHideTheOthers) {
  const std::string subject = Digest::Of(ManifestJson("{}", {"small", kLarge})).text();
  const auto about = [&](const std::string& word) {
    return ManifestJson("{}", {},
                        R"("subject":{"mediaType":"x/y","digest":")" + subject +
                            R"(","size":1},"annotations":{"w":")" + word + "\"}");
  };
  registry_->PushManifest("shop/a", "one", about("one"));
  registry_->PushManifest("shop/a", "two", about("two"));
  RotRow(about("one"));
  Scrub();
  const TestResponse list = registry_->Get("/v2/shop/a/referrers/" + subject);
  EXPECT_EQ(list.status, 200) << list.body;
  EXPECT_THAT(list.body, HasSubstr(Digest::Of(about("two")).text()));
  EXPECT_THAT(list.body, testing::Not(HasSubstr(Digest::Of(about("one")).text())));
}

TEST_F(ScrubberTest, WhatWasRestoredByHandIsServedAgain) {
  const std::string path = *stores_.objects->LocalPath(Digest::Of(kLarge));
  std::filesystem::rename(path, folder_ / "aside");
  EXPECT_EQ(Scrub().damaged, 1u);
  std::filesystem::rename(folder_ / "aside", path);
  EXPECT_EQ(Scrub().damaged, 0u);
  EXPECT_EQ(registry_->registry().damaged(), 0u);
  EXPECT_EQ(Blob(kLarge).body, kLarge);
}

TEST_F(ScrubberTest, GarbageIsNoDamageAndDamageMayBecomeGarbage) {
  registry_->PushBlob("shop/b", kLarge + "x");
  Rot(kLarge + "x");
  EXPECT_EQ(Scrub().damaged, 1u);
  stores_.clock.Advance(std::chrono::hours(3));
  CollectAll(registry_->registry());
  EXPECT_EQ(registry_->registry().damaged(), 0u);
  EXPECT_TRUE(KeysWith(*stores_.meta, "registry/damaged/").empty());
  // A file that nobody uses: the collection's business.
  ASSERT_THAT(store::PutObject(*stores_.objects, kLarge + "y"), IsOk());
  Rot(kLarge + "y");
  EXPECT_EQ(Scrub().damaged, 0u);
}

TEST_F(ScrubberTest, GoesOnWhereItWas) {
  for (int i = 0; i < 20; ++i) registry_->PushBlob("shop/a", std::to_string(i));
  ScrubPass pass;
  size_t steps = 0;
  while (!pass.finished_at) {
    const auto scrubber = registry_->registry().MakeScrubber(PassFromJson(ToJson(pass)));
    for (int i = 0; i < 5 && !scrubber->pass().finished_at; ++i) {
      EXPECT_THAT(scrubber->Step(), IsOk());
    }
    pass = scrubber->pass();
    ASSERT_LT(++steps, 100u);
  }
  EXPECT_EQ(pass.objects, 24u) << "each once";
}

TEST_F(ScrubberTest, WhoPublishesMeanwhileIsWaitedFor) {
  Rot(kLarge);
  const auto scrubber = registry_->registry().MakeScrubber({});
  // The bytes are replaced after they were read and before they are judged.
  bool replaced = false;
  while (!scrubber->pass().finished_at) {
    ASSERT_THAT(scrubber->Step(), IsOk());
    if (!replaced && scrubber->pass().bytes > kLarge.size()) {
      replaced = true;
      ASSERT_THAT(store::PutObject(*stores_.objects, kLarge,
                                   [](const Digest&) { return store::Publication::kReplace; }),
                  IsOk());
    }
  }
  ASSERT_TRUE(replaced);
  EXPECT_EQ(scrubber->pass().damaged, 0u);
  EXPECT_EQ(Blob(kLarge).body, kLarge);
}

}  // namespace
}  // namespace slipway::registry
