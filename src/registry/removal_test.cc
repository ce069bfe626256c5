// Deletions of Models, ModelVersions and Projects, over a registry in memory.
#include "registry/removal.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "async/testing/run.h"
#include "base/testing/result_matchers.h"
#include "oci/media_types.h"
#include "oci/reference.h"
#include "registry/testing/registry_fixture.h"

namespace slipway::registry {
namespace {

using resource::Cascade;
using resource::Key;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RemovalTest : public ::testing::Test {
 protected:
  RemovalTest() { AddRemovals(store_, Check()); }

  CheckUnused Check() {
    return [this](resource::ResourceTransaction&, const std::string& repository,
                  const std::optional<Digest>& digest) -> Result<void> {
      const bool used = digest ? used_.contains(digest->text()) : used_.contains(repository);
      if (used) return FailedPrecondition("MODEL_IN_USE", "service shop/fraud serves it");
      return {};
    };
  }
  Digest PushModel(const std::string& repository, const std::string& tag,
                   const std::string& layer) {
    registry_.PushBlob(repository, "{}");
    registry_.PushBlob(repository, layer);
    return registry_.PushManifest(
        repository, tag,
        ManifestJson("{}", {layer},
                     "\"artifactType\":\"" + std::string(oci::kModelArtifactType) + "\"",
                     std::string(oci::kModelConfigType)));
  }
  Digest PushImage(const std::string& repository, const std::string& tag,
                   const std::string& more = "") {
    registry_.PushBlob(repository, "image");
    return registry_.PushManifest(repository, tag, ManifestJson("image", {}, more));
  }
  Result<void> Delete(Key key, Cascade cascade = Cascade::kNo) {
    return RunSync(store_.Delete(CallContext::System("test"), std::move(key), {}, cascade));
  }
  // Keys of the registry's rows that speak of the repository or project.
  std::vector<std::string> RowsOf(const std::string& word) {
    std::vector<std::string> keys;
    EXPECT_THAT(stores_.meta->ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
      for (const char* prefix : {"registry/", "r/", "rx/label/", "rx/owner/", "rx/uid/"}) {
        TRY(rows, snapshot.Scan(prefix, store::PrefixEnd(prefix), 10'000));
        for (const store::KeyValue& row : rows) {
          if (row.key.find(word) != std::string::npos) keys.push_back(row.key);
        }
      }
      return {};
    }),
                IsOk());
    return keys;
  }

  std::set<std::string> used_;  // digests and repositories
  RegistryStores stores_;
  RegistryFixture registry_{stores_, nullptr, Check()};
  resource::ResourceStore store_{*stores_.meta, stores_.clock, *stores_.random};
};

TEST_F(RemovalTest, AVersionGoesWithItsTags) {
  const Digest one = PushModel("shop/fraud", "v1", "one");
  const Digest two = PushModel("shop/fraud", "v2", "two");
  registry_.PushManifest("shop/fraud", "latest", registry_.Get("/v2/shop/fraud/manifests/v2").body);
  ASSERT_THAT(Delete(ModelVersionKey("shop/fraud", two)), IsOk());
  for (const char* name : {"v2", "latest"}) {
    EXPECT_EQ(registry_.Get(std::string("/v2/shop/fraud/manifests/") + name).status, 404);
  }
  EXPECT_EQ(registry_.Get("/v2/shop/fraud/manifests/" + one.text()).status, 200);
  EXPECT_THAT(Delete(ModelVersionKey("shop/fraud", two)),
              IsError(Code::kNotFound, "RESOURCE_UNKNOWN"));
  const auto model = RunSync(store_.Get(ModelKey("shop/fraud")));
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->status["versions"], 1);
  EXPECT_THAT(registry_.Get("/v2/shop/fraud/tags/list").body, testing::HasSubstr(R"(["v1"])"));
}

TEST_F(RemovalTest, TheLastVersionTakesTheModelAlong) {
  const Digest one = PushModel("shop/fraud", "v1", "one");
  ASSERT_THAT(Delete(ModelVersionKey("shop/fraud", one)), IsOk());
  EXPECT_THAT(RunSync(store_.Get(ModelKey("shop/fraud"))),
              IsError(Code::kNotFound, "RESOURCE_UNKNOWN"));
}

TEST_F(RemovalTest, AModelGoesWithItsRepository) {
  const Digest one = PushModel("shop/fraud", "v1", "one");
  PushModel("shop/fraud", "v2", "two");
  PushImage("shop/fraud", "signature",
            R"("subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
                one.text() + R"(","size":1})");
  const Digest other = PushModel("shop/fraud2", "v1", "one");
  ASSERT_THAT(Delete(ModelKey("shop/fraud")), IsOk());
  for (const std::string& row : RowsOf("shop/fraud")) EXPECT_THAT(row, HasSubstr("shop/fraud2"));
  EXPECT_EQ(registry_.Get("/v2/shop/fraud/tags/list").status, 404);
  EXPECT_EQ(registry_.Get("/v2/shop/fraud2/manifests/v1").status, 200);
  EXPECT_EQ(registry_.Get("/v2/shop/fraud2/blobs/" + Digest::Of("one").text()).body, "one");
  EXPECT_THAT(RunSync(store_.Get(ModelVersionKey("shop/fraud2", other))), IsOk());
  // And it may come back.
  PushModel("shop/fraud", "v1", "one");
  EXPECT_THAT(RunSync(store_.Get(ModelVersionKey("shop/fraud", one))), IsOk());
}

TEST_F(RemovalTest, WhatIsNoModelIsNotLostByAccident) {
  PushModel("shop/fraud", "v1", "one");
  const Digest image = PushImage("shop/fraud", "app");
  const Result<void> refused = Delete(ModelKey("shop/fraud"));
  ASSERT_THAT(refused, IsError(Code::kFailedPrecondition, "REPOSITORY_NOT_EMPTY"));
  EXPECT_THAT(refused.error().message(), HasSubstr(image.text()));
  EXPECT_EQ(registry_.Get("/v2/shop/fraud/manifests/v1").status, 200);
  ASSERT_THAT(Delete(ModelKey("shop/fraud"), Cascade::kYes), IsOk());
  EXPECT_THAT(RowsOf("shop/fraud"), IsEmpty());
}

TEST_F(RemovalTest, WhatIsUsedStays) {
  const Digest one = PushModel("shop/fraud", "v1", "one");
  used_ = {one.text(), "shop/fraud"};
  const std::vector<std::string> before = RowsOf("shop");
  const Key version = ModelVersionKey("shop/fraud", one);
  for (const Cascade cascade : {Cascade::kNo, Cascade::kYes}) {
    EXPECT_THAT(Delete(version, cascade), IsError(Code::kFailedPrecondition, "MODEL_IN_USE"));
    EXPECT_THAT(Delete(ModelKey("shop/fraud"), cascade),
                IsError(Code::kFailedPrecondition, "MODEL_IN_USE"));
  }
  EXPECT_THAT(Delete({"Project", "", "shop"}, Cascade::kYes),
              IsError(Code::kFailedPrecondition, "MODEL_IN_USE"));
  const TestResponse response = registry_.Delete("/v2/shop/fraud/manifests/" + one.text());
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(response.error_code(), "DENIED");
  EXPECT_THAT(response.body, HasSubstr("service shop/fraud"));
  EXPECT_EQ(RowsOf("shop"), before);
  // A tag is only a name.
  EXPECT_EQ(registry_.Delete("/v2/shop/fraud/manifests/v1").status, 202);
}

TEST_F(RemovalTest, AProjectIsNotDeletedAroundItsRepositories) {
  PushImage("shop/app", "v1");
  const Result<void> refused = Delete({"Project", "", "shop"});
  ASSERT_THAT(refused, IsError(Code::kFailedPrecondition, "PROJECT_NOT_EMPTY"));
  EXPECT_THAT(refused.error().message(), HasSubstr("repository shop/app"));
  PushModel("shop/fraud", "v1", "one");
  PushModel("shop-2/fraud", "v1", "one");
  ASSERT_THAT(Delete({"Project", "", "shop"}, Cascade::kYes), IsOk());
  for (const std::string& row : RowsOf("shop")) EXPECT_THAT(row, HasSubstr("shop-2"));
  EXPECT_EQ(registry_.Get("/v2/shop-2/fraud/manifests/v1").status, 200);
}

TEST_F(RemovalTest, RepositoriesWithoutManifestsGoWithTheirProject) {
  registry_.PushBlob("shop/left", "bytes");
  ASSERT_FALSE(RowsOf("shop").empty());
  ASSERT_THAT(Delete({"Project", "", "shop"}), IsOk());
  EXPECT_THAT(RowsOf("shop"), IsEmpty());
}

}  // namespace
}  // namespace slipway::registry
