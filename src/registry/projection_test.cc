#include "registry/projection.h"

#include <chrono>
#include <functional>
#include <future>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "async/testing/run.h"
#include "base/testing/result_matchers.h"
#include "oci/media_types.h"
#include "registry/limits.h"
#include "registry/shown_tags.h"
#include "registry/testing/registry_fixture.h"
#include "resource/kinds/model.h"
#include "resource/resource_store.h"

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
  ProjectionTest() { AddShownTags(resources_); }

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
  resource::ModelStatus StatusOf(const std::string& repository) {
    const auto model = RunSync(resources_.Get(ModelKey(repository)));
    if (!model) return {};
    return Decode<resource::ModelStatus>(model->status).value();
  }
  std::map<std::string, std::string> TagsOf(const std::string& repository) {
    return StatusOf(repository).tags;
  }
  void PushTags(const std::string& repository, const std::string& layer, int count) {
    for (int i = 0; i < count; ++i) {
      PushModel(repository, "v" + std::to_string(1'000 + i), layer);
    }
  }
  size_t StoredBytes(const resource::Key& key) {
    size_t bytes = 0;
    EXPECT_THAT(stores_.meta->ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
      TRY(row, snapshot.Get(resource::RowKey(key)));
      bytes = row.value_or("").size();
      return {};
    }),
                IsOk());
    return bytes;
  }

  static constexpr char kConfig[] = "{\"config\":{\"format\":\"onnx\"}}";
  RegistryStores stores_;
  // Called when facts are read, before they are.
  std::function<void()> on_facts_;
  int facts_read_ = 0;
  resource::ResourceStore resources_{*stores_.meta, stores_.clock, *stores_.random};
  RegistryFixture registry_{stores_,
                            [this](const oci::Manifest& manifest, const FetchSmall& fetch) {
                              ++facts_read_;
                              const auto facts = TestFactsOf(manifest, fetch);
                              if (on_facts_) std::exchange(on_facts_, nullptr)();
                              return facts;
                            }};
};

// However long it takes to parse: the one writer goes on.
TEST_F(ProjectionTest, FactsAreReadBesideTheWriter) {
  on_facts_ = [this] {
    auto write = std::async(std::launch::async, [this] {
      return stores_.meta->MutateNow(
          CallContext::System("test"),
          [](store::Transaction& transaction) { return transaction.Put("test/row", ""); });
    });
    EXPECT_EQ(write.wait_for(std::chrono::seconds(60)), std::future_status::ready);
  };
  PushModel("fraud", "v1", "weights");
  EXPECT_EQ(facts_read_, 1);
  PushModel("fraud", "v2", "weights");
  EXPECT_EQ(facts_read_, 1) << "the version is there";
}

TEST_F(ProjectionTest, FactsOfContentThatComesMeanwhileAreReadAgain) {
  registry_.PushBlob("fraud", "weights");
  on_facts_ = [this] { registry_.PushBlob("fraud", kConfig); };
  const Digest digest = registry_.PushManifest("fraud", "v1", ModelJson(kConfig, "weights"));
  EXPECT_EQ(facts_read_, 2);
  const auto version = Find(ModelVersionKey("fraud", digest));
  ASSERT_TRUE(version.has_value());
  EXPECT_EQ(Decode<resource::ModelVersionStatus>(version->status).value().metadata->title,
            "a title");
}

// A version that is deleted while its manifest is pushed again has its facts when it comes back.
TEST_F(ProjectionTest, FactsOfAVersionThatGoesMeanwhileAreRead) {
  const Digest digest = PushModel("fraud", "v1", "weights");
  const oci::Manifest manifest = oci::ParseManifest(ModelJson(kConfig, "weights")).value();
  const FactsOf facts_of = TestFactsOf;
  const FactsSource source{.meta = stores_.meta.get(),
                           .facts_of = &facts_of,
                           .repository = "default/fraud",
                           .coming = nullptr};
  EXPECT_FALSE(PrepareFacts(source, digest, manifest).value().has_value());
  ASSERT_EQ(registry_.Delete("/v2/fraud/manifests/" + digest.text()).status, 202);
  EXPECT_TRUE(PrepareFacts(source, digest, manifest).value().has_value());
  const std::string bytes = ModelJson(kConfig, "weights");
  const ManifestPush push{
      .content = {.object = digest, .size_bytes = bytes.size(), .inline_bytes = bytes},
      .digest = digest,
      .manifest = manifest,
      .tags = {}};
  const auto refused = RunSync(registry_.registry().Change(
      CallContext::System("test"), "fraud",
      [&](RepositoryWriter& writer, const CheckUnused&) { return writer.PutManifest(push); }));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().reason(), kFactsStale);
}

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
  // What the metadata tell is there with the push; no phase: the files are yet to be looked at.
  const auto status = Decode<resource::ModelVersionStatus>(version->status).value();
  EXPECT_EQ(status.phase, "");
  ASSERT_TRUE(status.metadata.has_value());
  EXPECT_EQ(status.metadata->title, "a title");
  ASSERT_EQ(status.inputs.size(), 1u);
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

TEST_F(ProjectionTest, ArtifactsOfOtherToolsAreModels) {
  for (const char* type :
       {"application/vnd.caicloud.model.config.v1alpha1+json",
        "application/vnd.kitops.modelkit.config.v1+json",
        "application/vnd.jozu.model.config.v1+json", "application/vnd.cnai.model.config.v1+json"}) {
    EXPECT_TRUE(IsModelType(type)) << type;
  }
  EXPECT_FALSE(IsModelType("application/vnd.oci.image.config.v1+json"));
  EXPECT_FALSE(IsModelType("application/vnd.kitops.modelkit.model.v1.tar"));
}

// Content that is no row of the database is not read in the transaction.
TEST_F(ProjectionTest, LargeConfigIsLeftForLater) {
  const std::string config = "{\"onnx\":\"" + std::string(kMaxInlineBytes, 'a') + "\"}";
  registry_.PushBlob("fraud", config);
  registry_.PushBlob("fraud", "weights");
  const Digest digest = registry_.PushManifest("fraud", "v1", ModelJson(config, "weights"));
  const auto version = Find(ModelVersionKey("fraud", digest));
  ASSERT_TRUE(version.has_value());
  EXPECT_EQ(Decode<resource::ModelVersionSpec>(version->spec).value().format, "");
  EXPECT_EQ(Decode<resource::ModelVersionStatus>(version->status).value().metadata->title,
            "too large");
}

// A manifest of any length fits into its resource.
TEST_F(ProjectionTest, ManyLongPathsAreCut) {
  registry_.PushBlob("long", kConfig);
  registry_.PushBlob("long", "w");
  std::string layers;
  for (int i = 0; i < 1'000; ++i) {
    layers += std::string(i == 0 ? "" : ",") +
              "{\"mediaType\":\"application/vnd.cncf.model.weight.v1.raw\",\"digest\":\"" +
              Digest::Of("w").text() +
              "\",\"size\":1,\"annotations\":{\"org.cncf.model.filepath\":\"" +
              std::string(1'000, 'p') + std::to_string(i) + "\"}}";
  }
  const Digest digest = registry_.PushManifest(
      "long", "v1",
      "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" + std::string(oci::kModelConfigType) +
          "\",\"digest\":\"" + Digest::Of(kConfig).text() + "\",\"size\":" +
          std::to_string(std::string_view(kConfig).size()) + "},\"layers\":[" + layers + "]}");
  const auto version = Find(ModelVersionKey("long", digest));
  ASSERT_TRUE(version.has_value());
  const auto spec = Decode<resource::ModelVersionSpec>(version->spec).value();
  EXPECT_EQ(spec.size_bytes, 1'000);
  EXPECT_LT(spec.files.size(), 100u);
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

// A push costs the same at the thousandth tag as at the first.
TEST_F(ProjectionTest, TheModelDoesNotGrowWithItsTags) {
  const Digest digest = PushModel("fraud", "v1", "one");
  const size_t at_first = StoredBytes(ModelKey("fraud"));
  PushTags("fraud", "one", 100);
  EXPECT_LT(StoredBytes(ModelKey("fraud")), at_first + 16);
  EXPECT_EQ(StatusOf("fraud").versions, 1);
  EXPECT_EQ(StatusOf("fraud").tag_moves, 101);
  const auto version = RunSync(resources_.Get(ModelVersionKey("fraud", digest)));
  ASSERT_THAT(version, IsOk());
  EXPECT_LT(StoredBytes(ModelVersionKey("fraud", digest)), 4'096U);
}

TEST_F(ProjectionTest, TheNewestTagsOfManyAreShown) {
  const Digest one = PushModel("fraud", "a", "one");
  PushTags("fraud", "one", kMaxShownTags - 1);
  EXPECT_EQ(TagsOf("fraud").size(), kMaxShownTags);
  EXPECT_FALSE(StatusOf("fraud").tags_cut);
  PushTags("fraud", "one", 3 * kMaxShownTags);
  const Digest two = PushModel("fraud", "zz", "two");
  const auto tags = TagsOf("fraud");
  EXPECT_EQ(tags.size(), kMaxShownTags);
  EXPECT_TRUE(StatusOf("fraud").tags_cut);
  EXPECT_EQ(tags.at("zz"), two.text());
  EXPECT_EQ(tags.at("v1059"), one.text());
  EXPECT_FALSE(tags.contains("a"));
  const auto version = RunSync(resources_.Get(ModelVersionKey("fraud", one)));
  const auto status = Decode<resource::ModelVersionStatus>(version->status).value();
  EXPECT_EQ(status.tags.size(), kMaxShownTags);
  EXPECT_EQ(status.tags.front(), "a");
  EXPECT_TRUE(status.tags_cut);
}

// One tag that moves again and again does not hide the others.
TEST_F(ProjectionTest, TagsThatDidNotMoveAreShownBehindThoseThatDid) {
  PushTags("fraud", "one", kMaxShownTags + 1);
  for (int i = 0; i < 30; ++i) PushModel("fraud", "latest", i % 2 == 0 ? "two" : "one");
  const auto tags = TagsOf("fraud");
  EXPECT_EQ(tags.size(), kMaxShownTags);
  EXPECT_TRUE(tags.contains("latest"));
  EXPECT_TRUE(tags.contains("v1000"));
}

// What older programs wrote: a Model with all its tags. They are not shown, and go with the next
// change; and however full such a Model is, it can be deleted.
TEST_F(ProjectionTest, TagsInTheModelOfAnOlderProgram) {
  const Digest digest = PushModel("fraud", "v1", "one");
  const auto write_old = [&](int count) {
    Json old;
    for (int i = 0; i < count; ++i) old["old" + std::to_string(100'000 + i)] = digest.text();
    ASSERT_THAT(stores_.meta->MutateNow(CallContext::System("test"),
                                        [&](store::Transaction& transaction) -> Result<void> {
                                          const std::string key =
                                              resource::RowKey(ModelKey("fraud"));
                                          TRY(row, transaction.Get(key));
                                          TRY(json, ParseJson(*row));
                                          json["status"] = {{"versions", 1}, {"tags", old}};
                                          return transaction.Put(key, DumpJson(json));
                                        }),
                IsOk());
  };
  write_old(100);
  EXPECT_EQ(TagsOf("fraud"), (std::map<std::string, std::string>{{"v1", digest.text()}}));
  PushModel("fraud", "v2", "one");
  EXPECT_LT(StoredBytes(ModelKey("fraud")), 1'000U);
  EXPECT_EQ(StatusOf("fraud").versions, 1);
  write_old(3'200);
  EXPECT_GT(StoredBytes(ModelKey("fraud")), 256U << 10);
  PushModel("fraud", "v3", "one");
  EXPECT_LT(StoredBytes(ModelKey("fraud")), 1'000U);
  write_old(3'200);
  ASSERT_THAT(stores_.meta->MutateNow(CallContext::System("test"),
                                      [&](store::Transaction& transaction) -> Result<void> {
                                        const CallContext context = CallContext::System("test");
                                        resource::ResourceTransaction resources(
                                            transaction, context, stores_.clock, *stores_.random);
                                        TRY(model, resources.Get(ModelKey("fraud")));
                                        TRY_VOID(Hold(resources, model));
                                        return resources.Delete(ModelKey("fraud"));
                                      }),
              IsOk());
  EXPECT_TRUE(Find(ModelKey("fraud"))->metadata.deleted_at.has_value());
}

// Whoever watches Models, as services that follow a tag do, is told of each move: once for each
// transaction.
TEST_F(ProjectionTest, WatchersSeeTagsMove) {
  PushModel("fraud", "v1", "one");
  const Digest two = PushModel("fraud", "v2", "two");
  auto watch = resources_.StartWatch("Model", "default", {}, 0).value();
  const std::string target = "/v2/fraud/manifests/" + two.text() + "?tag=v1&tag=v3&tag=v4";
  ASSERT_EQ(
      registry_.Put(target, ModelJson(kConfig, "two"), std::string(oci::kImageManifestType)).status,
      201);
  const auto events = RunSync(watch->Next());
  ASSERT_THAT(events, IsOk());
  ASSERT_EQ(events->size(), 1U);
  EXPECT_EQ(events->front().resource.status["tags"].size(), 4U);
  EXPECT_EQ(events->front().resource.status["tags"]["v1"], two.text());
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
