#include "controller/model/lineage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "async/testing/run.h"
#include "base/testing/result_matchers.h"
#include "controller/model/lineage_source.h"
#include "controller/service/service_controller.h"
#include "registry/projection.h"
#include "registry/repository_writer.h"
#include "registry/testing/registry_fixture.h"
#include "resource/testing/test_store.h"

namespace slipway::controller {
namespace {

using resource::ModelParent;
using resource::ResourceTransaction;
using resource::TestStore;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kConfig = "{}";
constexpr const char* kConfigType = "application/vnd.caicloud.model.config.v1alpha1+json";

// The metadata stand in an annotation of the manifest.
Result<resource::ModelFacts> FactsOf(const oci::Manifest& manifest, const registry::FetchSmall&) {
  resource::ModelFacts facts;
  const auto stated = manifest.annotations.find("test");
  if (stated == manifest.annotations.end()) return facts;
  TRY(json, ParseJson(stated->second));
  TRY(metadata, Decode<resource::ModelMetadata>(json, "", UnknownFields::kRefuse));
  facts.metadata = std::move(metadata);
  return facts;
}

Json StatedParents(const std::vector<ModelParent>& parents) {
  resource::ModelMetadata metadata;
  metadata.parents = parents;
  return Encode(metadata);
}

class LineageTest : public ::testing::Test {
 protected:
  // A version of a model, told apart by `note`; returns its digest.
  Digest Push(const std::string& repository, const std::string& tag, const std::string& note,
              const Json& metadata = StatedParents({})) {
    const Json annotations = {{"note", note}, {"test", DumpJson(metadata)}};
    const std::string bytes = registry::ManifestJson(
        kConfig, {}, "\"annotations\":" + DumpJson(annotations), kConfigType);
    const auto manifest = oci::ParseManifest(bytes);
    EXPECT_THAT(manifest, IsOk());
    const auto content = [](const std::string& text) {
      return registry::VerifiedContent{
          .object = Digest::Of(text), .size_bytes = text.size(), .inline_bytes = text};
    };
    const auto pushed = store_.resources().TransactNow(
        TestStore::As("ada"), [&](ResourceTransaction& transaction) -> Result<void> {
          registry::RepositoryWriter writer(transaction.raw(), transaction.context(), repository,
                                            transaction.clock(), transaction.random());
          TRY(facts, FactsOf(*manifest, nullptr));
          TRY_VOID(writer.AddBlob(Digest::Of(kConfig), content(kConfig)));
          return writer.PutManifest({.content = content(bytes),
                                     .digest = Digest::Of(bytes),
                                     .manifest = *manifest,
                                     .tags = {tag},
                                     .facts = registry::PreparedFacts{.facts = std::move(facts)}});
        });
    EXPECT_THAT(pushed, IsOk());
    return Digest::Of(bytes);
  }
  Digest PushChild(const std::string& repository, const std::string& tag,
                   const std::vector<ModelParent>& parents) {
    return Push(repository, tag, tag, StatedParents(parents));
  }

  Result<Json> Read(LineageQuery query) {
    query.may_read = [this](std::string_view project) { return project != hidden_; };
    Result<Json> answer = Json();
    const auto read = store_.meta().ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
      answer = ReadLineage(snapshot, query);
      return {};
    });
    EXPECT_THAT(read, IsOk());
    return answer;
  }
  Json Of(const std::string& repository, const Digest& digest,
          LineageDirection direction = LineageDirection::kBoth,
          size_t depth = kDefaultLineageDepth) {
    const auto answer = Read({.version = registry::ModelVersionKey(repository, digest),
                              .direction = direction,
                              .depth = depth});
    EXPECT_THAT(answer, IsOk());
    return answer ? *answer : Json();
  }
  static std::vector<std::string> DigestsOf(const Json& relatives) {
    std::vector<std::string> digests;
    for (const Json& relative : relatives) digests.push_back(relative.value("digest", ""));
    return digests;
  }

  TestStore store_;
  std::string hidden_;
};

TEST_F(LineageTest, AParentByItsDigestIsTheSameForEver) {
  const Digest base = Push("default/base", "v1", "base");
  const Digest child =
      PushChild("default/tuned", "v1",
                {{.reference = "default/base:v1", .digest = base.text(), .relation = "finetune"}});
  const Digest later = Push("default/base", "v1", "the tag moved");
  const Json up = Of("default/tuned", child);
  EXPECT_EQ(up["version"]["digest"], child.text());
  EXPECT_EQ(up["version"]["tags"], Json::array({"v1"}));
  ASSERT_EQ(up["parents"].size(), 1U);
  const Json& parent = up["parents"][0];
  EXPECT_EQ(parent["digest"], base.text());
  EXPECT_EQ(parent["repository"], "default/base");
  EXPECT_EQ(parent["found"], true);
  EXPECT_EQ(parent["by"], "digest");
  EXPECT_EQ(parent["statedReference"], "default/base:v1");
  EXPECT_EQ(parent["relation"], "finetune");
  EXPECT_EQ(parent["tags"], Json::array());
  EXPECT_THAT(up["children"], IsEmpty());
  EXPECT_EQ(up["metadata"]["complete"], true);
  EXPECT_THAT(DigestsOf(Of("default/base", base)["children"]), ElementsAre(child.text()));
  EXPECT_THAT(Of("default/base", later)["children"], IsEmpty());
}

TEST_F(LineageTest, AParentByNameAloneIsWhatTheTagPointsAtNow) {
  const Digest base = Push("default/base", "latest", "base");
  // One segment is of the project default, and without a tag `latest` is meant.
  const Digest child =
      PushChild("default/tuned", "v1", {{.reference = "base", .digest = "", .relation = ""}});
  Json parents = Of("default/tuned", child)["parents"];
  EXPECT_THAT(DigestsOf(parents), ElementsAre(base.text()));
  EXPECT_EQ(parents[0]["by"], "tag");
  EXPECT_THAT(DigestsOf(Of("default/base", base)["children"]), ElementsAre(child.text()));
  const Digest later = Push("default/base", "latest", "the tag moved");
  EXPECT_THAT(DigestsOf(Of("default/tuned", child)["parents"]), ElementsAre(later.text()));
  EXPECT_THAT(Of("default/base", base)["children"], IsEmpty());
  EXPECT_THAT(DigestsOf(Of("default/base", later)["children"]), ElementsAre(child.text()));
}

TEST_F(LineageTest, AParentThatIsNotHereIsShownAsItIsStated) {
  const std::string digest = Digest::Of("elsewhere").text();
  const Digest child =
      PushChild("default/tuned", "v1",
                {{.reference = "hub.example/base:v1", .digest = "", .relation = "quantize"},
                 {.reference = "", .digest = digest, .relation = ""}});
  const Json parents = Of("default/tuned", child)["parents"];
  ASSERT_EQ(parents.size(), 2U);
  EXPECT_EQ(parents[0], Json({{"found", false},
                              {"statedReference", "hub.example/base:v1"},
                              {"relation", "quantize"}}));
  EXPECT_EQ(parents[1], Json({{"found", false}, {"statedDigest", digest}}));
}

TEST_F(LineageTest, NothingIsToldOfProjectsThatOneMayNotRead) {
  store_.Create(TestStore::Wanted("Project", "", "secret"));
  store_.Create(TestStore::Wanted("Project", "", "zoo"));
  const Digest base = Push("secret/base", "v1", "base");
  const Digest child = PushChild("default/tuned", "v1",
                                 {{.reference = "secret/base:v1", .digest = "", .relation = ""},
                                  {.reference = "", .digest = base.text(), .relation = ""}});
  const std::vector<ModelParent> of_child = {
      {.reference = "", .digest = child.text(), .relation = ""}};
  const Digest hidden = PushChild("secret/tuned", "v2", of_child);
  const Digest shown = PushChild("zoo/tuned", "v3", of_child);
  EXPECT_THAT(DigestsOf(Of("default/tuned", child)["children"]),
              ElementsAre(hidden.text(), shown.text()));
  hidden_ = "secret";
  const Json lineage = Of("default/tuned", child);
  ASSERT_EQ(lineage["parents"].size(), 2U);
  for (const Json& parent : lineage["parents"]) {
    EXPECT_EQ(parent["found"], false);
    EXPECT_FALSE(parent.contains("repository") || parent.contains("digest"));
  }
  EXPECT_THAT(DigestsOf(lineage["children"]), ElementsAre(shown.text()));
}

TEST_F(LineageTest, IsAsDeepAsItIsAskedFor) {
  Digest last = Push("default/m", "v0", "v0");
  const Digest first = last;
  for (const char* tag : {"v1", "v2", "v3"}) {
    last = PushChild("default/m", tag, {{.reference = "", .digest = last.text(), .relation = ""}});
  }
  const Json one = Of("default/m", last, LineageDirection::kUp, 1);
  EXPECT_FALSE(one.contains("children") || one.contains("services"));
  EXPECT_EQ(one["parents"][0]["more"], true);
  EXPECT_EQ(one["metadata"]["complete"], false);
  EXPECT_EQ(one["metadata"]["depth"], 1);
  const Json all = Of("default/m", last, LineageDirection::kUp, 3);
  EXPECT_EQ(all["parents"][0]["parents"][0]["parents"][0]["digest"], first.text());
  EXPECT_EQ(all["metadata"]["complete"], true);
  const Json down = Of("default/m", first, LineageDirection::kDown, 2);
  EXPECT_FALSE(down.contains("parents") || down.contains("datasets"));
  EXPECT_EQ(down["children"][0]["children"][0]["more"], true);
  EXPECT_FALSE(down["metadata"].contains("continue")) << "only children of the root have pages";
}

// Two ways to one version, and names that go around.
TEST_F(LineageTest, WhatIsThereTwiceIsFollowedOnce) {
  const auto parent = [](std::string reference) {
    return ModelParent{.reference = std::move(reference), .digest = "", .relation = ""};
  };
  const Digest base = PushChild("default/base", "v1", {parent("default/top:v1")});
  PushChild("default/left", "v1", {parent("default/base:v1")});
  PushChild("default/right", "v1", {parent("default/base:v1")});
  const Digest top =
      PushChild("default/top", "v1", {parent("default/left:v1"), parent("default/right:v1")});
  const Json up = Of("default/top", top, LineageDirection::kUp, kMaxLineageDepth);
  const Json& left = up["parents"][0]["parents"][0];
  const Json& right = up["parents"][1]["parents"][0];
  EXPECT_EQ(left["digest"], base.text());
  EXPECT_FALSE(left.contains("repeated"));
  EXPECT_EQ(left["parents"][0]["digest"], top.text());
  EXPECT_EQ(left["parents"][0]["repeated"], true);
  EXPECT_FALSE(left["parents"][0].contains("parents"));
  EXPECT_EQ(right["repeated"], true);
  EXPECT_EQ(up["metadata"]["complete"], true);
}

TEST_F(LineageTest, ChildrenComeInPages) {
  const Digest base = Push("default/base", "v1", "base");
  for (const char* name : {"default/a", "default/b", "default/c"}) {
    PushChild(name, "v1", {{.reference = "", .digest = base.text(), .relation = ""}});
  }
  LineageQuery query{.version = registry::ModelVersionKey("default/base", base),
                     .direction = LineageDirection::kDown,
                     .limit = 2};
  const auto first = Read(query);
  ASSERT_THAT(first, IsOk());
  ASSERT_EQ((*first)["children"].size(), 2U);
  EXPECT_EQ((*first)["children"][1]["repository"], "default/b");
  EXPECT_EQ((*first)["metadata"]["complete"], false);
  query.after = (*first)["metadata"]["continue"].get<std::string>();
  const auto second = Read(query);
  ASSERT_THAT(second, IsOk());
  ASSERT_EQ((*second)["children"].size(), 1U);
  EXPECT_EQ((*second)["children"][0]["repository"], "default/c");
  EXPECT_FALSE((*second)["metadata"].contains("continue"));
}

TEST_F(LineageTest, DataSetsAndTheirDigests) {
  const Digest digest = Push("default/m", "v1", "m",
                             {{"datasets", {"images", "texts"}},
                              {"datasetDigests", {{"texts", "sha256:1"}, {"sounds", "sha256:2"}}}});
  EXPECT_EQ(Of("default/m", digest)["datasets"],
            Json({{{"name", "images"}},
                  {{"name", "texts"}, {"digest", "sha256:1"}},
                  {{"name", "sounds"}, {"digest", "sha256:2"}}}));
}

TEST_F(LineageTest, ServicesThatUseIt) {
  const Digest digest = Push("default/m", "v1", "m");
  EXPECT_THAT(Of("default/m", digest)["services"], IsEmpty());
  resource::Resource service = TestStore::Wanted("Service", "default", "gate");
  service.spec = {{"predictor", {{"model", "default/m:v1@" + digest.text()}}}};
  store_.Create(service);
  ASSERT_THAT(store_.resources().TransactNow(TestStore::As("test"),
                                             [](ResourceTransaction& transaction) {
                                               return ReconcileService(
                                                   transaction, {"Service", "default", "gate"});
                                             }),
              IsOk());
  const Json services = Of("default/m", digest)["services"];
  ASSERT_EQ(services.size(), 1U);
  EXPECT_EQ(services[0]["service"], "gate");
  EXPECT_EQ(services[0]["revision"], 1);
  EXPECT_EQ(services[0]["hasTraffic"], false);
  hidden_ = "default";
  const auto hidden = Read({.version = registry::ModelVersionKey("default/m", digest)});
  ASSERT_THAT(hidden, IsOk());
  EXPECT_THAT((*hidden)["services"], IsEmpty());
}

TEST_F(LineageTest, ServicesWhoseProgramReadsItUseItToo) {
  const Digest a = Push("default/a", "v1", "a");
  const Digest b = Push("default/b", "v1", "b");
  const Digest code = Push("default/code", "v1", "code");
  resource::Resource service = TestStore::Wanted("Service", "default", "gate");
  service.spec = {
      {"predictor",
       {{"models", Json::array({{{"ref", "default/a:v1@" + a.text()}, {"mountAs", "a"}},
                                {{"ref", "default/b:v1@" + b.text()}, {"mountAs", "b"}}})},
        {"program", {{"python", "default/code:v1@" + code.text()}}}}}};
  store_.Create(service);
  ASSERT_THAT(store_.resources().TransactNow(TestStore::As("test"),
                                             [](ResourceTransaction& transaction) {
                                               return ReconcileService(
                                                   transaction, {"Service", "default", "gate"});
                                             }),
              IsOk());
  for (const auto& [repository, digest] :
       {std::pair{"default/a", a}, {"default/b", b}, {"default/code", code}}) {
    const Json services = Of(repository, digest)["services"];
    ASSERT_EQ(services.size(), 1U) << repository;
    EXPECT_EQ(services[0]["service"], "gate");
    EXPECT_EQ(services[0]["repository"], repository);
  }
}

TEST_F(LineageTest, OfAVersionThatIsNotThere) {
  const auto missing =
      Read({.version = registry::ModelVersionKey("default/m", Digest::Of("missing"))});
  EXPECT_THAT(missing, IsError(Code::kNotFound, "RESOURCE_UNKNOWN"));
}

TEST(CutParents, AreThoseThatMayBeMissing) {
  ModelVersion version;
  EXPECT_TRUE(HasCutParents(version)) << "nobody has looked yet";
  version.status.phase = "Ready";
  EXPECT_FALSE(HasCutParents(version));
  version.status.metadata.emplace();
  EXPECT_FALSE(HasCutParents(version));
  version.status.metadata->cut = true;
  EXPECT_TRUE(HasCutParents(version)) << "nobody knows of what";
  version.status.metadata->cut_members = {"labels"};
  EXPECT_FALSE(HasCutParents(version));
  version.status.metadata->cut_members.emplace_back("parents");
  EXPECT_TRUE(HasCutParents(version));
}

}  // namespace
}  // namespace slipway::controller
