#include "registry/projection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "oci/media_types.h"
#include "registry/testing/registry_fixture.h"
#include "resource/kinds/model.h"

namespace slipway::registry {
namespace {

using ::testing::HasSubstr;

// The format, and a title from the config.
Result<resource::ModelFacts> TestFactsOf(const oci::Manifest& manifest, const FetchSmall& fetch) {
  TRY(config, fetch(*manifest.config));
  resource::ModelFacts facts;
  if (config.value_or("").find("onnx") != std::string::npos) facts.format = "onnx";
  facts.metadata.emplace().title = config ? "a title" : "too large";
  facts.inputs = {{.name = "x", .datatype = "FP32", .shape = {-1}}};
  return facts;
}

class ProjectionTest : public ::testing::Test {
 protected:
  static std::string ModelJson(const std::string& config, const std::string& layer) {
    return ManifestJson(config, {layer},
                        "\"artifactType\":\"" + std::string(oci::kModelArtifactType) + "\"",
                        std::string(oci::kModelConfigType));
  }
  Digest PushModel(const std::string& repository, const std::string& tag,
                   const std::string& layer) {
    registry_.PushBlob(repository, kConfig);
    registry_.PushBlob(repository, layer);
    return registry_.PushManifest(repository, tag, ModelJson(kConfig, layer));
  }
  std::optional<resource::Resource> Find(const resource::Key& key) {
    std::optional<resource::Resource> found;
    const auto read = stores_.meta->MutateNow(
        CallContext::System("test"), [&](store::Transaction& transaction) -> Result<void> {
          const CallContext context = CallContext::System("test");
          resource::ResourceTransaction resources(transaction, context, stores_.clock,
                                                  *stores_.random);
          TRY(resource, resources.Find(key));
          found = std::move(resource);
          return {};
        });
    EXPECT_TRUE(read.has_value());
    return found;
  }
  std::map<std::string, std::string> TagsOf(const std::string& repository) {
    const auto model = Find(ModelKey(repository));
    if (!model) return {};
    return Decode<resource::ModelStatus>(model->status).value().tags;
  }

  static constexpr char kConfig[] = "{\"config\":{\"format\":\"onnx\"}}";
  RegistryStores stores_;
  RegistryFixture registry_{stores_, TestFactsOf};
};

TEST_F(ProjectionTest, PushMakesModelAndVersion) {
  const Digest digest = PushModel("fraud", "v1", "weights");
  const auto model = Find(ModelKey("fraud"));
  ASSERT_TRUE(model.has_value());
  EXPECT_EQ(model->metadata.project, "default");
  EXPECT_EQ(model->metadata.name, "fraud");
  EXPECT_EQ(model->spec["repository"], "default/fraud");
  EXPECT_EQ(model->status["versions"], 1);
  EXPECT_EQ(TagsOf("fraud"), (std::map<std::string, std::string>{{"v1", digest.text()}}));

  const resource::Key key = ModelVersionKey("default/fraud", digest);
  EXPECT_EQ(key.name, "fraud-" + std::string(digest.hex().substr(0, 16)));
  const auto version = Find(key);
  ASSERT_TRUE(version.has_value());
  const auto spec = Decode<resource::ModelVersionSpec>(version->spec).value();
  EXPECT_EQ(spec.repository, "default/fraud");
  EXPECT_EQ(spec.manifest_digest, digest.text());
  EXPECT_EQ(spec.artifact_type, oci::kModelArtifactType);
  EXPECT_EQ(spec.format, "onnx");
  EXPECT_EQ(spec.size_bytes, 7);
  ASSERT_EQ(spec.files.size(), 1u);
  EXPECT_EQ(spec.files[0].digest, Digest::Of("weights").text());
  EXPECT_EQ(version->metadata.labels.at("model"), "fraud");
  ASSERT_EQ(version->metadata.owners.size(), 1u);
  EXPECT_EQ(version->metadata.owners[0].uid, model->metadata.uid);
  EXPECT_EQ(version->metadata.created_by, "token/admin");
}

TEST_F(ProjectionTest, ImagesAreNoModels) {
  registry_.PushBlob("app", "config");
  registry_.PushManifest("app", "v1", ManifestJson("config", {}));
  EXPECT_FALSE(Find(ModelKey("app")).has_value());
}

TEST_F(ProjectionTest, TagsFollow) {
  const Digest one = PushModel("fraud", "v1", "one");
  const Digest two = PushModel("fraud", "v2", "two");
  EXPECT_EQ(Find(ModelKey("fraud"))->status["versions"], 2);
  EXPECT_EQ(TagsOf("fraud").size(), 2u);
  PushModel("fraud", "v1", "two");
  EXPECT_EQ(TagsOf("fraud")["v1"], two.text());
  ASSERT_EQ(registry_.Delete("/v2/fraud/manifests/v2").status, 202);
  EXPECT_EQ(TagsOf("fraud").count("v2"), 0u);
  EXPECT_EQ(Find(ModelKey("fraud"))->status["versions"], 2);
  ASSERT_EQ(registry_.Delete("/v2/fraud/manifests/" + two.text()).status, 202);
  EXPECT_TRUE(TagsOf("fraud").empty());
  EXPECT_EQ(Find(ModelKey("fraud"))->status["versions"], 1);
  EXPECT_FALSE(Find(ModelVersionKey("fraud", two)).has_value());
  ASSERT_EQ(registry_.Delete("/v2/fraud/manifests/" + one.text()).status, 202);
  EXPECT_FALSE(Find(ModelKey("fraud")).has_value());
  // And it may come back.
  PushModel("fraud", "v1", "one");
  EXPECT_TRUE(Find(ModelVersionKey("fraud", one)).has_value());
}

TEST_F(ProjectionTest, TagThatMovesToAnImageLeavesTheModel) {
  PushModel("fraud", "v1", "one");
  registry_.PushBlob("fraud", "config");
  registry_.PushManifest("fraud", "v1", ManifestJson("config", {}));
  EXPECT_TRUE(TagsOf("fraud").empty());
}

TEST_F(ProjectionTest, NamesOfLongAndNestedRepositories) {
  EXPECT_EQ(ModelKey("magika").name, "magika");
  EXPECT_EQ(ModelKey("vision/gate").name, "gate");
  EXPECT_EQ(ModelKey("vision/gate").project, "vision");
  const std::string nested = ModelKey("vision/gate/detector").name;
  EXPECT_THAT(nested, ::testing::MatchesRegex("gate\\.detector-[0-9a-f]+"));
  EXPECT_NE(nested, ModelKey("vision/gate.detector").name);
  const std::string longest = "default/" + std::string(200, 'a');
  EXPECT_EQ(ModelKey(longest).name.size(), 46u);
  EXPECT_LE(ModelVersionKey(longest, Digest::Of("x")).name.size(), 63u);
  EXPECT_NE(ModelKey(longest).name, ModelKey(longest + "a").name);
  PushModel(longest, "v1", "one");
  EXPECT_TRUE(Find(ModelKey(longest)).has_value());
}

TEST_F(ProjectionTest, RepositoryThatWouldTakeAnothersNameIsRefused) {
  PushModel("vision/gate/detector", "v1", "one");
  const std::string taken = "vision/" + ModelKey("vision/gate/detector").name;
  registry_.PushBlob(taken, kConfig);
  registry_.PushBlob(taken, "one");
  const TestResponse response =
      registry_.Put("/v2/" + taken + "/manifests/v1", ModelJson(kConfig, "one"));
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.error_code(), "NAME_INVALID");
  EXPECT_THAT(response.body, HasSubstr("choose another name"));
}

}  // namespace
}  // namespace slipway::registry
