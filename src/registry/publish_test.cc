#include "registry/publish.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "async/testing/run.h"
#include "base/json.h"
#include "base/testing/result_matchers.h"
#include "oci/media_types.h"
#include "registry/limits.h"
#include "registry/testing/registry_fixture.h"
#include "store/object/object_store.h"

namespace slipway::registry {
namespace {

using ::testing::HasSubstr;

NewBlob BlobOf(const std::string& content) {
  return {.digest = Digest::Of(content),
          .size_bytes = content.size(),
          .read = [content](uint64_t offset, char* out, size_t size) -> Result<size_t> {
            // In pieces, as files are read.
            return content.copy(out, std::min<size_t>(size, 1000), static_cast<size_t>(offset));
          }};
}

class PublishTest : public ::testing::Test {
 protected:
  Result<Digest> Publish(const std::string& repository, NewArtifact artifact,
                         Identity identity = AdminOfAll()) {
    CallContext context;
    context.identity = std::move(identity);
    return RunSync(registry_.registry().Publish(context, repository, std::move(artifact)));
  }

  NewArtifact Artifact() const {
    return {.blobs = {BlobOf(config_), BlobOf(layer_)},
            .manifest = ManifestJson(config_, {layer_}),
            .tags = {"v1", "latest"}};
  }

  const std::string config_ = "{\"a\":1}";
  const std::string layer_ = std::string(3 * kMaxInlineBytes + 7, 'x');
  RegistryStores stores_;
  RegistryFixture registry_{stores_};
};

TEST_F(PublishTest, IsWhatAPushWouldHaveMade) {
  const auto digest = Publish("fresh/a", Artifact());
  ASSERT_THAT(digest, IsOk());
  const std::string manifest = ManifestJson(config_, {layer_});
  EXPECT_EQ(*digest, Digest::Of(manifest));
  for (const std::string& name : {std::string("v1"), std::string("latest"), digest->text()}) {
    const TestResponse response = registry_.Get("/v2/fresh/a/manifests/" + name);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, manifest);
  }
  EXPECT_EQ(registry_.Get("/v2/fresh/a/blobs/" + Digest::Of(layer_).text()).body, layer_);
  EXPECT_EQ(registry_.Get("/v2/fresh/a/blobs/" + Digest::Of(config_).text()).body, config_);
  // The same once more changes nothing.
  EXPECT_EQ(*Publish("fresh/a", Artifact()), *digest);
}

// Facts are made of what comes with the manifest; what is too large for that waits until the
// package is looked into.
TEST_F(PublishTest, AConfigOfAnySizeIsPublished) {
  std::optional<bool> was_read;
  const FactsOf facts_of = [&was_read](const oci::Manifest& manifest,
                                       const FetchSmall& fetch) -> Result<resource::ModelFacts> {
    TRY(bytes, fetch(*manifest.config));
    was_read = bytes.has_value();
    return resource::ModelFacts{};
  };
  RegistryStores stores;
  RegistryFixture registry(stores, facts_of);
  for (const size_t size_bytes : {size_t{10}, size_t{kMaxInlineBytes + 1}}) {
    const std::string config(size_bytes, 'c');
    Json manifest = Json::parse(ManifestJson(config, {layer_}));
    manifest["artifactType"] = oci::kModelArtifactType;
    CallContext context;
    context.identity = AdminOfAll();
    EXPECT_THAT(RunSync(registry.registry().Publish(context, "fresh/a",
                                                    {.blobs = {BlobOf(config), BlobOf(layer_)},
                                                     .manifest = manifest.dump(),
                                                     .tags = {"v1"}})),
                IsOk());
    EXPECT_EQ(was_read, size_bytes <= kMaxInlineBytes);
  }
}

TEST_F(PublishTest, NothingIsSeenOfWhatIsNotWhole) {
  NewArtifact wrong = Artifact();
  wrong.blobs[1].read = [](uint64_t, char* out, size_t size) -> Result<size_t> {
    std::fill_n(out, size, 'y');
    return size;
  };
  EXPECT_EQ(Publish("default/a", wrong).error().reason(), "DIGEST_MISMATCH");
  NewArtifact cut = Artifact();
  cut.blobs[1].size_bytes += 10;
  EXPECT_EQ(Publish("default/a", cut).error().reason(), "DIGEST_MISMATCH");
  NewArtifact failing = Artifact();
  failing.blobs[0].read = [](uint64_t, char*, size_t) -> Result<size_t> {
    return DataLoss("GONE", "the file is gone.");
  };
  EXPECT_EQ(Publish("default/a", failing).error().reason(), "GONE");
  NewArtifact missing = Artifact();
  missing.blobs.pop_back();
  EXPECT_EQ(Publish("default/a", missing).error().reason(), "MANIFEST_BLOB_UNKNOWN");
  NewArtifact no_tag = Artifact();
  no_tag.tags = {"no tag"};
  EXPECT_EQ(Publish("default/a", no_tag).error().reason(), "TAG_INVALID");
  EXPECT_EQ(registry_.Get("/v2/default/a/tags/list").status, 404);
  // No spool is left.
  EXPECT_EQ(*stores_.objects->RemoveStaleUploads(UINT64_MAX), 0U);
}

TEST_F(PublishTest, MakesAProjectOnlyForWhoMayMakeOne) {
  const auto refused = Publish("fresh/a", Artifact(), EditorOf("fresh"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "DENIED");
  EXPECT_THAT(refused.error().message(), HasSubstr("fresh"));
  EXPECT_THAT(Publish("default/a", Artifact(), EditorOf("default")), IsOk());
}

TEST_F(PublishTest, ChangesOfARepositoryAreWholeOrNone) {
  const auto digest = Publish("default/a", Artifact());
  ASSERT_THAT(digest, IsOk());
  CallContext context;
  context.identity = AdminOfAll();
  const auto undone = RunSync(registry_.registry().Change(
      context, "a", [](RepositoryWriter& writer, const CheckUnused&) -> Result<void> {
        TRY_VOID(writer.DeleteTag("v1"));
        return writer.DeleteTag("unheard-of");
      }));
  EXPECT_EQ(undone.error().reason(), "MANIFEST_UNKNOWN");
  EXPECT_EQ(registry_.Get("/v2/a/manifests/v1").status, 200);
  EXPECT_THAT(RunSync(registry_.registry().Change(context, "a",
                                                  [](RepositoryWriter& writer, const CheckUnused&) {
                                                    return writer.DeleteTag("v1");
                                                  })),
              IsOk());
  EXPECT_EQ(registry_.Get("/v2/a/manifests/v1").status, 404);
  EXPECT_EQ(RunSync(registry_.registry().Change(
                        context, "No Name",
                        [](RepositoryWriter&, const CheckUnused&) -> Result<void> { return {}; }))
                .error()
                .reason(),
            "NAME_INVALID");
}

TEST_F(PublishTest, AnIndexWithoutItsChildGetsNoTag) {
  const auto child = Publish("default/a", Artifact());
  ASSERT_THAT(child, IsOk());
  const std::string index =
      "{\"schemaVersion\":2,\"mediaType\":\"" + std::string(oci::kImageIndexType) +
      "\",\"manifests\":[{\"mediaType\":\"" + std::string(oci::kImageManifestType) +
      "\",\"digest\":\"" + child->text() +
      "\",\"size\":" + std::to_string(Artifact().manifest.size()) + "}]}";
  const Digest digest = registry_.PushManifest("default/a", Digest::Of(index).text(), index);
  CallContext context;
  context.identity = AdminOfAll();
  const auto add = [&](const char* tag) {
    return RunSync(registry_.registry().Change(
        context, "default/a",
        [&](RepositoryWriter& writer, const CheckUnused&) { return writer.AddTag(tag, digest); }));
  };
  EXPECT_THAT(add("whole"), IsOk());
  for (const std::string& tag : {std::string("whole"), child->text()}) {
    ASSERT_EQ(registry_.Delete("/v2/default/a/manifests/" + tag).status, 202);
  }
  const auto refused = add("broken");
  EXPECT_THAT(refused, IsError(Code::kNotFound, "MANIFEST_BLOB_UNKNOWN"));
  EXPECT_THAT(refused.error().message(), HasSubstr(child->text()));
  EXPECT_EQ(registry_.Get("/v2/default/a/manifests/broken").status, 404);
}

// Of those who look at the same time one wins, as the look is inside of the transaction.
TEST_F(PublishTest, ATagIsAddedOnce) {
  const auto first = Publish("default/a", Artifact());
  ASSERT_THAT(first, IsOk());
  NewArtifact other = Artifact();
  other.manifest = ManifestJson(config_, {layer_, config_});
  other.tags = {"other"};
  const auto second = Publish("default/a", other);
  ASSERT_THAT(second, IsOk());
  CallContext context;
  context.identity = AdminOfAll();
  const auto change = [&](RepositoryChange wanted) {
    return RunSync(registry_.registry().Change(context, "default/a", std::move(wanted)));
  };
  const auto add = [&](const Digest& digest) {
    return change([&](RepositoryWriter& writer, const CheckUnused&) {
      return writer.AddTag("stable", digest);
    });
  };
  EXPECT_THAT(add(*first), IsOk());
  for (const Digest& digest : {*second, *first}) {
    const auto again = add(digest);
    ASSERT_FALSE(again.has_value());
    EXPECT_EQ(again.error().code(), Code::kAlreadyExists);
    EXPECT_EQ(again.error().reason(), "TAG_EXISTS");
  }
  EXPECT_EQ(registry_.Get("/v2/default/a/manifests/stable").body, Artifact().manifest);
  EXPECT_EQ(add(Digest::Of("unheard of")).error().reason(), "MANIFEST_UNKNOWN");
  // Nor is a tag deleted that moved meanwhile.
  const auto moved = change([&](RepositoryWriter& writer, const CheckUnused&) {
    return writer.DeleteTag("stable", *second);
  });
  EXPECT_EQ(moved.error().reason(), "MANIFEST_UNKNOWN");
  EXPECT_THAT(change([&](RepositoryWriter& writer, const CheckUnused&) {
                return writer.DeleteTag("stable", *first);
              }),
              IsOk());
}

}  // namespace
}  // namespace slipway::registry
