// What versions tell that were pushed by a program which knew less, over a registry in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "async/testing/run.h"
#include "base/testing/result_matchers.h"
#include "oci/media_types.h"
#include "registry/limits.h"
#include "registry/testing/registry_fixture.h"
#include "resource/resource_store.h"

namespace slipway::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr char kConfig[] = "{}";

class ReprojectionTest : public ::testing::Test {
 protected:
  // Opens the registry as a program that reads this of each manifest.
  void OpenOld() {
    Open([](const oci::Manifest&, const FetchSmall&) -> Result<resource::ModelFacts> {
      resource::ModelFacts facts;
      facts.format = "onnx";
      facts.metadata.emplace().title = "old";
      return facts;
    });
  }
  void OpenNew() {
    Open([this](const oci::Manifest& manifest,
                const FetchSmall& fetch) -> Result<resource::ModelFacts> {
      if (++read_ == fail_at_) return Unavailable("DISK_AWAY", "for now");
      TRY(config, fetch(*manifest.config));
      resource::ModelFacts facts;
      facts.format = "other";
      facts.metadata.emplace().title = "old";
      facts.metadata->dataset_digests["cards"] = Digest::Of(config.value_or("none")).text();
      return facts;
    });
  }
  Digest Push(const std::string& tag, const std::string& config = kConfig) {
    registry_->PushBlob("shop/fraud", config);
    registry_->PushBlob("shop/fraud", "weights " + tag);
    return registry_->PushManifest(
        "shop/fraud", tag,
        ManifestJson(config, {"weights " + tag},
                     "\"artifactType\":\"" + std::string(oci::kModelArtifactType) + "\"",
                     std::string(oci::kModelConfigType)));
  }
  Result<void> Reproject() { return RunSync(registry_->registry().Reproject()); }
  resource::ModelVersionStatus StatusOf(const Digest& digest) {
    const auto found = RunSync(store_.Get(ModelVersionKey("shop/fraud", digest)));
    EXPECT_THAT(found, IsOk());
    return Decode<resource::ModelVersionStatus>(found->status).value();
  }

  RegistryStores stores_;
  std::unique_ptr<RegistryFixture> registry_;
  resource::ResourceStore store_{*stores_.meta, stores_.clock, *stores_.random};
  size_t read_ = 0;     // manifests, by the new program
  size_t fail_at_ = 0;  // the read with this number fails

 private:
  void Open(FactsOf facts_of) {
    registry_.reset();
    registry_ = std::make_unique<RegistryFixture>(stores_, std::move(facts_of));
  }
};

TEST_F(ReprojectionTest, OldVersionsTellWhatIsReadToday) {
  OpenOld();
  const std::string large(kMaxInlineBytes + 1, ' ');
  const Digest one = Push("v1");
  const Digest two = Push("v2", large);
  // As the model controller left it.
  resource::ModelVersionStatus status = StatusOf(one);
  status.phase = "Ready";
  status.inputs = {{.name = "x", .datatype = "FP32", .shape = {4}}};
  ASSERT_THAT(RunSync(store_.UpdateStatus(CallContext::System("test"),
                                          ModelVersionKey("shop/fraud", one), Encode(status))),
              IsOk());
  OpenNew();
  ASSERT_THAT(Reproject(), IsOk());
  EXPECT_EQ(read_, 2U);
  status = StatusOf(one);
  EXPECT_THAT(status.metadata->dataset_digests,
              ElementsAre(Pair("cards", Digest::Of(kConfig).text())));
  EXPECT_EQ(status.phase, "Ready");
  ASSERT_EQ(status.inputs.size(), 1U);
  EXPECT_EQ(status.inputs[0].name, "x");
  EXPECT_THAT(StatusOf(two).metadata->dataset_digests,
              ElementsAre(Pair("cards", Digest::Of(large).text())))
      << "files are read as well";
  // Once is enough.
  OpenNew();
  ASSERT_THAT(Reproject(), IsOk());
  EXPECT_EQ(read_, 2U);
}

TEST_F(ReprojectionTest, GoesOnWhereItWasCutOff) {
  OpenOld();
  std::vector<Digest> versions;
  for (size_t i = 0; i < kIndexedTogether + 10; ++i) versions.push_back(Push(std::to_string(i)));
  OpenNew();
  fail_at_ = kIndexedTogether + 5;
  EXPECT_THAT(Reproject(), IsError(Code::kUnavailable, "DISK_AWAY"));
  OpenNew();
  read_ = fail_at_ = 0;
  ASSERT_THAT(Reproject(), IsOk());
  EXPECT_EQ(read_, 10U);
  for (const Digest& version : versions) {
    EXPECT_EQ(StatusOf(version).metadata->dataset_digests.size(), 1U);
  }
}

// One that cannot be read keeps the others from nothing.
TEST_F(ReprojectionTest, WhatCannotBeReadStaysAsItIs) {
  OpenOld();
  const Digest one = Push("v1");
  const Digest two = Push("v2");
  ASSERT_THAT(stores_.meta->MutateNow(CallContext::System("test"),
                                      [&](store::Transaction& transaction) -> Result<void> {
                                        const auto bytes = transaction.Get(ObjectKey(one));
                                        EXPECT_TRUE(bytes && *bytes);
                                        return transaction.Put(ObjectKey(one), "no manifest");
                                      }),
              IsOk());
  OpenNew();
  ASSERT_THAT(Reproject(), IsOk());
  EXPECT_THAT(StatusOf(one).metadata->dataset_digests, IsEmpty());
  EXPECT_EQ(StatusOf(one).metadata->title, "old");
  EXPECT_EQ(StatusOf(two).metadata->dataset_digests.size(), 1U);
}

}  // namespace
}  // namespace slipway::registry
