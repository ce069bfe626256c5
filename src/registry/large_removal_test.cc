// Repositories that are too large to be deleted in one transaction, over a registry in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "async/testing/run.h"
#include "base/testing/result_matchers.h"
#include "oci/media_types.h"
#include "registry/limits.h"
#include "registry/removal.h"
#include "registry/testing/registry_fixture.h"

namespace slipway::registry {
namespace {

using resource::Cascade;
using resource::Key;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr size_t kBlobs = 3 * kRemovedAtOnce;

class LargeRemovalTest : public ::testing::Test {
 protected:
  LargeRemovalTest() { AddRemovals(store_, nullptr); }

  Digest PushModel(const std::string& repository, const std::string& tag,
                   const std::string& layer) {
    registry_->PushBlob(repository, "{}");
    registry_->PushBlob(repository, layer);
    return registry_->PushManifest(
        repository, tag,
        ManifestJson("{}", {layer},
                     "\"artifactType\":\"" + std::string(oci::kModelArtifactType) + "\"",
                     std::string(oci::kModelConfigType)));
  }
  // Many blobs, in one transaction.
  void Fill(const std::string& repository) {
    EXPECT_THAT(Change(repository,
                       [](RepositoryWriter& writer) -> Result<void> {
                         for (size_t i = 0; i < kBlobs; ++i) {
                           const std::string bytes = "blob " + std::to_string(i);
                           const Digest digest = Digest::Of(bytes);
                           TRY_VOID(writer.AddBlob(digest, {.object = digest,
                                                            .size_bytes = bytes.size(),
                                                            .inline_bytes = bytes}));
                         }
                         return {};
                       }),
                IsOk());
  }
  Result<void> Change(const std::string& repository,
                      std::function<Result<void>(RepositoryWriter&)> change) {
    return RunSync(registry_->registry().Change(
        CallContext::System("test"), repository,
        [&](RepositoryWriter& writer, const CheckUnused&) { return change(writer); }));
  }
  void Write(const std::string& key, const std::string& value) {
    EXPECT_THAT(stores_.meta->MutateNow(
                    CallContext::System("test"),
                    [&](store::Transaction& transaction) { return transaction.Put(key, value); }),
                IsOk());
  }
  // Many tags, in one transaction.
  void Tag(const std::string& repository, const Digest& digest, size_t count) {
    EXPECT_THAT(Change(repository,
                       [&](RepositoryWriter& writer) -> Result<void> {
                         for (size_t i = 0; i < count; ++i) {
                           TRY_VOID(writer.AddTag("t" + std::to_string(i), digest));
                         }
                         return {};
                       }),
                IsOk());
  }
  Json Status(const std::string& repository) {
    const auto model = RunSync(store_.Get(ModelKey(repository)));
    return model ? model->status : Json();
  }
  bool ContinueRemoval(const std::string& repository) {
    bool more = false;
    EXPECT_THAT(Change(repository,
                       [&](RepositoryWriter& writer) -> Result<void> {
                         TRY(left, writer.ContinueRemoval());
                         more = left;
                         return {};
                       }),
                IsOk());
    return more;
  }
  Result<void> Delete(Key key, Cascade cascade = Cascade::kNo) {
    return RunSync(store_.Delete(CallContext::System("test"), std::move(key), {}, cascade));
  }
  // Keys of rows that speak of the repository or project, without content and what is logged.
  std::vector<std::string> RowsOf(const std::string& word) {
    std::vector<std::string> keys;
    EXPECT_THAT(stores_.meta->ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
      for (const char* prefix : {"registry/", "r/", "rx/label/", "rx/owner/", "rx/uid/"}) {
        TRY(rows, snapshot.ScanSizes(prefix, store::PrefixEnd(prefix), 100'000));
        for (const store::KeySize& row : rows) {
          if (row.key.find(word) != std::string::npos) keys.push_back(row.key);
        }
      }
      return {};
    }),
                IsOk());
    return keys;
  }
  std::vector<std::string> Targets(const std::string& repository, const Digest& manifest) {
    const std::string base = "/v2/" + repository;
    return {base + "/manifests/v1", base + "/manifests/" + manifest.text(),
            base + "/blobs/" + Digest::Of("one").text(),
            base + "/blobs/" + Digest::Of("blob 7").text(), base + "/tags/list"};
  }
  void ExpectGone(const std::string& repository, const Digest& manifest) {
    for (const std::string& target : Targets(repository, manifest)) {
      EXPECT_EQ(registry_->Get(target).status, 404) << target;
    }
    EXPECT_THAT(registry_->Get("/v2/_catalog").body, Not(HasSubstr("\"" + repository + "\"")));
    EXPECT_THAT(registry_->Get("/v2/" + repository + "/referrers/" + manifest.text()).body,
                HasSubstr("\"manifests\":[]"));
    EXPECT_EQ(registry_->Delete("/v2/" + repository + "/manifests/v1").status, 404);
    EXPECT_EQ(registry_->Delete("/v2/" + repository + "/manifests/" + manifest.text()).status, 404);
    EXPECT_EQ(
        registry_->Delete("/v2/" + repository + "/blobs/" + Digest::Of("blob 7").text()).status,
        404);
    const std::string mount = "/v2/other/x/blobs/uploads/?mount=" + Digest::Of("one").text();
    EXPECT_EQ(registry_->Post(mount + "&from=" + repository).status, 202);
    EXPECT_EQ(registry_->Post(mount).status, 202);
  }

  RegistryStores stores_;
  std::unique_ptr<RegistryFixture> registry_ = std::make_unique<RegistryFixture>(stores_);
  resource::ResourceStore store_{*stores_.meta, stores_.clock, *stores_.random};
};

TEST_F(LargeRemovalTest, IsGoneAtOnceAndItsRowsInSteps) {
  const Digest one = PushModel("shop/fraud", "v1", "one");
  registry_->PushManifest(
      "shop/fraud", "signature",
      ManifestJson("{}", {},
                   R"("subject":{"mediaType":"a/b","digest":")" + one.text() + R"(","size":1})"));
  Fill("shop/fraud");
  const Digest other = PushModel("shop/fraud2", "v1", "two");
  for (const std::string& target : Targets("shop/fraud", one)) {
    EXPECT_EQ(registry_->Get(target).status, 200) << target;
  }
  ASSERT_THAT(Delete(ModelKey("shop/fraud")), IsOk());
  ExpectGone("shop/fraud", one);
  const auto model = RunSync(store_.Get(ModelKey("shop/fraud")));
  ASSERT_THAT(model, IsOk());
  EXPECT_TRUE(model->metadata.deleted_at.has_value());
  EXPECT_THAT(Delete(ModelKey("shop/fraud")), IsOk()) << "again";
  size_t left = RowsOf("shop/fraud").size();
  size_t steps = 0;
  for (bool more = true; more; ++steps) {
    more = ContinueRemoval("shop/fraud");
    const size_t now = RowsOf("shop/fraud").size();
    EXPECT_LT(now, left);
    EXPECT_LE(left - now, 3 * kRemovedAtOnce);
    left = now;
    ExpectGone("shop/fraud", one);
  }
  EXPECT_GE(steps, 2U);
  for (const std::string& row : RowsOf("shop/fraud")) EXPECT_THAT(row, HasSubstr("shop/fraud2"));
  EXPECT_THAT(RunSync(store_.Get(ModelKey("shop/fraud"))),
              IsError(Code::kNotFound, "RESOURCE_UNKNOWN"));
  EXPECT_EQ(registry_->Get("/v2/shop/fraud2/manifests/v1").status, 200);
  EXPECT_THAT(RunSync(store_.Get(ModelVersionKey("shop/fraud2", other))), IsOk());
  EXPECT_FALSE(ContinueRemoval("shop/fraud")) << "nothing happens";
}

TEST_F(LargeRemovalTest, APushFindsAnEmptyRepository) {
  const Digest one = PushModel("shop/fraud", "v1", "one");
  Fill("shop/fraud");
  ASSERT_THAT(Delete(ModelKey("shop/fraud")), IsOk());
  const Digest two = PushModel("shop/fraud", "v2", "two");
  EXPECT_EQ(registry_->Get("/v2/shop/fraud/manifests/v1").status, 404);
  EXPECT_EQ(registry_->Get("/v2/shop/fraud/blobs/" + Digest::Of("one").text()).status, 404);
  EXPECT_THAT(RunSync(registry_->registry().FinishRemovals()), IsOk());
  EXPECT_EQ(registry_->Get("/v2/shop/fraud/manifests/v2").status, 200);
  const auto model = RunSync(store_.Get(ModelKey("shop/fraud")));
  ASSERT_THAT(model, IsOk());
  EXPECT_FALSE(model->metadata.deleted_at.has_value());
  EXPECT_EQ(model->status["versions"], 1);
  EXPECT_THAT(RunSync(store_.Get(ModelVersionKey("shop/fraud", two))), IsOk());
  EXPECT_THAT(RunSync(store_.Get(ModelVersionKey("shop/fraud", one))),
              IsError(Code::kNotFound, "RESOURCE_UNKNOWN"));
}

TEST_F(LargeRemovalTest, GoesOnAfterARestart) {
  const Digest one = PushModel("shop/fraud", "v1", "one");
  Fill("shop/fraud");
  ASSERT_THAT(Delete(ModelKey("shop/fraud")), IsOk());
  EXPECT_TRUE(ContinueRemoval("shop/fraud"));
  registry_.reset();
  registry_ = std::make_unique<RegistryFixture>(stores_);
  ExpectGone("shop/fraud", one);
  EXPECT_THAT(RunSync(registry_->registry().FinishRemovals()), IsOk());
  EXPECT_THAT(RowsOf("shop/fraud"), IsEmpty());
}

TEST_F(LargeRemovalTest, AProjectGoesWithItsLastRow) {
  const Digest one = PushModel("shop/fraud", "v1", "one");
  Fill("shop/fraud");
  PushModel("shop/small", "v1", "two");
  EXPECT_THAT(Delete({"Project", "", "shop"}),
              IsError(Code::kFailedPrecondition, "PROJECT_NOT_EMPTY"));
  ASSERT_THAT(Delete({"Project", "", "shop"}, Cascade::kYes), IsOk());
  ExpectGone("shop/fraud", one);
  EXPECT_EQ(registry_->Get("/v2/shop/small/manifests/v1").status, 404);
  const auto project = RunSync(store_.Get({"Project", "", "shop"}));
  ASSERT_THAT(project, IsOk());
  EXPECT_TRUE(project->metadata.deleted_at.has_value());
  EXPECT_EQ(
      registry_->Post("/v2/shop/new/blobs/uploads/?digest=" + Digest::Of("x").text(), "x").status,
      403);
  EXPECT_THAT(RunSync(registry_->registry().FinishRemovals()), IsOk());
  EXPECT_THAT(RunSync(store_.Get({"Project", "", "shop"})),
              IsError(Code::kNotFound, "RESOURCE_UNKNOWN"));
  EXPECT_THAT(RowsOf("shop"), IsEmpty());
}

TEST_F(LargeRemovalTest, AProjectWaitsForARemovalThatWasUnderWay) {
  PushModel("shop/fraud", "v1", "one");
  Fill("shop/fraud");
  ASSERT_THAT(Delete(ModelKey("shop/fraud")), IsOk());
  ASSERT_THAT(Delete({"Project", "", "shop"}), IsOk());
  ASSERT_THAT(RunSync(store_.Get({"Project", "", "shop"})), IsOk());
  EXPECT_THAT(RunSync(registry_->registry().FinishRemovals()), IsOk());
  EXPECT_THAT(RowsOf("shop"), IsEmpty());
}

// Many tags of one manifest: it is gone at once, and nobody waits long for its tags.
TEST_F(LargeRemovalTest, TagsOfAManifestGoInSteps) {
  const Digest digest = PushModel("shop/fraud", "v1", "one");
  PushModel("shop/fraud", "other", "two");
  Tag("shop/fraud", digest, 2 * kTagsRemovedAtOnce + 10);
  ASSERT_THAT(Delete(ModelVersionKey("shop/fraud", digest)), IsOk());
  EXPECT_EQ(registry_->Get("/v2/shop/fraud/manifests/t7").status, 404);
  EXPECT_EQ(registry_->Get("/v2/shop/fraud/manifests/" + digest.text()).status, 404);
  EXPECT_EQ(Status("shop/fraud")["versions"], 1);
  EXPECT_THAT(RunSync(store_.Get(ModelVersionKey("shop/fraud", digest))),
              IsError(Code::kNotFound, "RESOURCE_UNKNOWN"));
  size_t left = RowsOf("shop/fraud:t").size();
  EXPECT_GT(left, kTagsRemovedAtOnce);
  EXPECT_THAT(registry_->Get("/v2/shop/fraud/tags/list").body, HasSubstr(R"("tags":["other"])"));
  // A tag that has moved on is another's.
  EXPECT_THAT(
      Change("shop/fraud", [](RepositoryWriter& writer) { return writer.DeleteTag("t999"); }),
      IsOk());
  while (ContinueRemoval("shop/fraud")) {
    const size_t now = RowsOf("shop/fraud:t").size();
    EXPECT_LE(left - now, kTagsRemovedAtOnce + 1);
    left = now;
  }
  EXPECT_THAT(registry_->Get("/v2/shop/fraud/tags/list").body, HasSubstr(R"("tags":["other"])"));
  EXPECT_THAT(RowsOf(digest.text()), IsEmpty());
  EXPECT_THAT(RowsOf("removing"), IsEmpty());
}

TEST_F(LargeRemovalTest, WhoDeletesAManifestFindsItsTagsGone) {
  const Digest digest = PushModel("shop/fraud", "v1", "one");
  Tag("shop/fraud", digest, 3 * kTagsRemovedAtOnce);
  ASSERT_EQ(registry_->Delete("/v2/shop/fraud/manifests/" + digest.text()).status, 202);
  EXPECT_THAT(registry_->Get("/v2/shop/fraud/tags/list").body, HasSubstr(R"("tags":[])"));
  EXPECT_THAT(RowsOf(digest.text()), IsEmpty());
}

// The same manifest comes back without its old tags, also where those are still being taken away.
TEST_F(LargeRemovalTest, APushOfTheManifestFindsNoOldTags) {
  const Digest digest = PushModel("shop/fraud", "v1", "one");
  Tag("shop/fraud", digest, 2 * kTagsRemovedAtOnce);
  ASSERT_THAT(Delete(ModelVersionKey("shop/fraud", digest)), IsOk());
  PushModel("shop/fraud", "new", "one");
  EXPECT_THAT(registry_->Get("/v2/shop/fraud/tags/list").body, HasSubstr(R"("tags":["new"])"));
  EXPECT_EQ(Status("shop/fraud")["versions"], 1);
}

TEST_F(LargeRemovalTest, AProjectWaitsForTagsThatAreBeingRemoved) {
  const Digest digest = PushModel("shop/fraud", "v1", "one");
  Tag("shop/fraud", digest, 3 * kTagsRemovedAtOnce);
  ASSERT_THAT(Delete(ModelVersionKey("shop/fraud", digest)), IsOk());
  ASSERT_THAT(Delete({"Project", "", "shop"}), IsOk());
  EXPECT_THAT(RunSync(registry_->registry().FinishRemovals()), IsOk());
  EXPECT_THAT(RowsOf("shop"), IsEmpty());
}

// A row that rotted keeps nothing from going, and a push writes it anew.
TEST_F(LargeRemovalTest, RowsThatCannotBeReadGoToo) {
  for (const char* repository : {"shop/bad", "shop/good"}) {
    PushModel(repository, "v1", "one");
    Fill(repository);
  }
  const Digest one = Digest::Of("one");
  const auto rot = [&] {
    Write(BlobKey("shop/bad", one), "{\"size\":1}");
    Write(BlobKey("shop/bad", Digest::Of("blob 7")), "{");
  };
  rot();
  EXPECT_EQ(registry_->Post("/v2/shop/bad/blobs/uploads/?digest=" + one.text(), "one").status, 201);
  EXPECT_EQ(registry_->Get("/v2/shop/bad/blobs/" + one.text()).status, 200);
  rot();
  ASSERT_THAT(Delete(ModelKey("shop/bad")), IsOk());
  ASSERT_THAT(Delete({"Project", "", "shop"}, Cascade::kYes), IsOk());
  EXPECT_THAT(RunSync(registry_->registry().FinishRemovals()), IsOk());
  EXPECT_THAT(RowsOf("shop"), IsEmpty());
  EXPECT_THAT(RowsOf(one.text()), IsEmpty()) << "nobody holds it";
}

TEST_F(LargeRemovalTest, OneThatCannotBeFinishedKeepsNoOther) {
  for (const char* repository : {"shop/bad", "shop/good"}) {
    PushModel(repository, "v1", "one");
    Fill(repository);
    ASSERT_THAT(Delete(ModelKey(repository)), IsOk());
  }
  Write(resource::RowKey(ModelKey("shop/bad")), "{");
  EXPECT_FALSE(RunSync(registry_->registry().FinishRemovals()).has_value());
  EXPECT_THAT(RowsOf("shop/good"), IsEmpty());
}

}  // namespace
}  // namespace slipway::registry
