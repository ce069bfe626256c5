// What goes, what stays, and what is said about it.
#include "registry/collector.h"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "async/testing/run.h"
#include "base/testing/result_matchers.h"
#include "registry/limits.h"
#include "registry/removal.h"
#include "registry/rows.h"
#include "registry/testing/stored_content.h"

namespace slipway::registry {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using ::testing::IsEmpty;

const std::string kLarge(kMaxInlineBytes + 1, 'l');

class CollectorTest : public ::testing::Test {
 protected:
  void Restart() {
    registry_.reset();
    registry_ = std::make_unique<RegistryFixture>(stores_);
  }
  CollectionReport Collect(bool dry_run = false) {
    return CollectAll(registry_->registry(), dry_run);
  }
  // After so long nothing is held any more.
  void LetHoldsEnd() { stores_.clock.Advance(hours(3)); }
  Digest Push(const std::string& repository, const std::string& tag,
              const std::vector<std::string>& layers) {
    registry_->PushBlob(repository, "{}");
    for (const std::string& layer : layers) registry_->PushBlob(repository, layer);
    return registry_->PushManifest(repository, tag, ManifestJson("{}", layers));
  }
  int Status(const std::string& repository, const std::string& content) {
    return registry_->Get("/v2/" + repository + "/blobs/" + Digest::Of(content).text()).status;
  }
  bool HasObject(const std::string& content) {
    return ObjectsOf(stores_).contains(Digest::Of(content).text());
  }

  RegistryStores stores_;
  std::unique_ptr<RegistryFixture> registry_ = std::make_unique<RegistryFixture>(stores_);
};

TEST_F(CollectorTest, WhatNoManifestNamesGoes) {
  Push("shop/a", "v1", {"kept", kLarge});
  registry_->PushBlob("shop/a", "loose");
  registry_->PushBlob("shop/a", kLarge + "loose");
  registry_->PushBlob("shop/b", "loose by sha512", DigestAlgorithm::kSha512);
  LetHoldsEnd();
  const CollectionReport report = Collect();
  EXPECT_EQ(report.error, "");
  EXPECT_EQ(report.blobs.count, 3u);
  EXPECT_EQ(report.objects.count, 3u);
  EXPECT_EQ(report.objects.bytes, 5 + kLarge.size() + 5 + 15);
  EXPECT_EQ(report.aliases, 1u);
  EXPECT_EQ(report.held.count, 0u);
  EXPECT_GT(report.examined, 6u);
  EXPECT_EQ(Status("shop/a", "kept"), 200);
  EXPECT_EQ(Status("shop/a", kLarge), 200);
  EXPECT_EQ(Status("shop/a", "loose"), 404);
  EXPECT_THAT(KeysWith(*stores_.meta, "registry/alias/"), IsEmpty());
  EXPECT_EQ(ObjectsOf(stores_).size(), 4u) << "two layers, the config and the manifest";
  EXPECT_EQ(Collect().blobs.count, 0u);
}

TEST_F(CollectorTest, ManifestsAreNeverGarbage) {
  const Digest untagged = Push("shop/a", "v1", {"one"});
  Push("shop/a", "v1", {"two"});
  Push("shop/a", "about", {"three"});
  LetHoldsEnd();
  EXPECT_EQ(Collect().blobs.count, 0u);
  EXPECT_EQ(registry_->Get("/v2/shop/a/manifests/" + untagged.text()).status, 200);
  EXPECT_EQ(Status("shop/a", "one"), 200);
}

TEST_F(CollectorTest, WhatADeletedManifestNamedGoes) {
  const Digest one = Push("shop/a", "v1", {"one", "both", kLarge});
  Push("shop/a", "v2", {"two", "both"});
  Push("shop/b", "v1", {"one"});
  LetHoldsEnd();
  ASSERT_EQ(registry_->Delete("/v2/shop/a/manifests/" + one.text()).status, 202);
  const CollectionReport report = Collect();
  EXPECT_EQ(report.blobs.count, 2u) << "`one` in shop/a, and the large one";
  EXPECT_EQ(report.objects.count, 2u) << "the manifest and the large layer";
  EXPECT_EQ(Status("shop/a", "one"), 404);
  EXPECT_EQ(Status("shop/b", "one"), 200) << "its bytes are needed there";
  EXPECT_EQ(Status("shop/a", "both"), 200);
  EXPECT_FALSE(HasObject(kLarge));
}

TEST_F(CollectorTest, WhatIsLeftOfDeletedRepositoriesGoes) {
  Push("shop/a", "v1", {"one", kLarge});
  registry_->PushBlob("shop/a", "by sha512", DigestAlgorithm::kSha512);
  LetHoldsEnd();
  resource::ResourceStore resources(*stores_.meta, stores_.clock, *stores_.random);
  AddRemovals(resources, nullptr);
  ASSERT_THAT(RunSync(resources.Delete(CallContext::System("test"),
                                       {.kind = "Project", .project = "", .name = "shop"}, {},
                                       resource::Cascade::kYes)),
              IsOk());
  const CollectionReport report = Collect();
  EXPECT_EQ(report.blobs.count, 0u);
  EXPECT_EQ(report.objects.count, 5u);
  EXPECT_EQ(report.aliases, 1u);
  EXPECT_THAT(ObjectsOf(stores_), IsEmpty());
}

TEST_F(CollectorTest, PagesAndBatches) {
  constexpr size_t kMany = 2 * kCollectedPage + 7;
  Push("shop/a", "v1", {"kept"});
  for (size_t i = 0; i < kMany; ++i) registry_->PushBlob("shop/a", std::to_string(i));
  for (size_t i = 0; i < 30; ++i) registry_->PushBlob("shop/a", kLarge + std::to_string(i));
  LetHoldsEnd();
  const CollectionReport report = Collect();
  EXPECT_EQ(report.blobs.count, kMany + 30);
  EXPECT_EQ(report.objects.count, kMany + 30);
  EXPECT_EQ(ObjectsOf(stores_).size(), 3u);
}

TEST_F(CollectorTest, ARowThatCannotBeReadStaysAndStopsNothing) {
  for (const char* loose : {"one", "two", "three"}) registry_->PushBlob("shop/a", loose);
  const std::string damaged = BlobKey("shop/a", Digest::Of("two"));
  ASSERT_THAT(stores_.meta->MutateNow(
                  CallContext::System("test"),
                  [&](store::Transaction& transaction) { return transaction.Put(damaged, "{"); }),
              IsOk());
  LetHoldsEnd();
  const CollectionReport dry = Collect(true);
  EXPECT_EQ(dry.blobs.count, 2u);
  EXPECT_EQ(dry.objects.count, 2u);
  const CollectionReport report = Collect();
  EXPECT_EQ(report.error, "");
  EXPECT_EQ(report.blobs.count, 2u);
  EXPECT_EQ(report.objects.count, 2u);
  EXPECT_TRUE(HasObject("two"));
}

TEST_F(CollectorTest, ADryRunTellsWhatWouldGo) {
  const Digest gone = Push("shop/a", "v1", {"one", kLarge});
  Push("shop/b", "v1", {"one"});
  registry_->PushBlob("shop/a", "by sha512", DigestAlgorithm::kSha512);
  LetHoldsEnd();
  registry_->PushBlob("shop/a", "held");
  ASSERT_EQ(registry_->Delete("/v2/shop/a/manifests/" + gone.text()).status, 202);
  const auto before = KeysWith(*stores_.meta, "");
  const auto objects_before = ObjectsOf(stores_);
  const CollectionReport dry = Collect(true);
  EXPECT_TRUE(dry.dry_run);
  EXPECT_EQ(KeysWith(*stores_.meta, ""), before);
  EXPECT_EQ(ObjectsOf(stores_), objects_before);
  const CollectionReport wet = Collect();
  EXPECT_EQ(dry.blobs.count, wet.blobs.count);
  EXPECT_EQ(dry.blobs.bytes, wet.blobs.bytes);
  EXPECT_EQ(dry.objects.count, wet.objects.count);
  EXPECT_EQ(dry.objects.bytes, wet.objects.bytes);
  EXPECT_EQ(dry.aliases, wet.aliases);
  EXPECT_EQ(dry.held.count, 1u);
  EXPECT_EQ(wet.held.count, 1u);
  EXPECT_EQ(wet.held.bytes, 4u);
  EXPECT_EQ(wet.objects.count, 3u) << "the manifest, the large layer, and what had a sha512";
}

TEST_F(CollectorTest, WhatWasPushedIsHeldForTwoHours) {
  LetHoldsEnd();
  registry_->PushBlob("shop/a", "pushed");
  stores_.clock.Advance(minutes(119));
  EXPECT_EQ(Collect().held.count, 1u);
  EXPECT_EQ(Status("shop/a", "pushed"), 200) << "and a GET of an editor holds again";
  stores_.clock.Advance(minutes(119));
  EXPECT_EQ(Collect().blobs.count, 0u);
  stores_.clock.Advance(minutes(2));
  EXPECT_EQ(Collect().blobs.count, 1u);
}

TEST_F(CollectorTest, WhoMayNotPushHoldsNothing) {
  registry_->PushBlob("shop/a", "pushed");
  LetHoldsEnd();
  registry_->As(ViewerOf("shop"));
  EXPECT_EQ(Status("shop/a", "pushed"), 200);
  EXPECT_EQ(Collect().blobs.count, 1u);
  registry_->As(EditorOf("shop"));
  registry_->PushBlob("shop/a", "pushed");
  LetHoldsEnd();
  EXPECT_EQ(registry_->Head("/v2/shop/a/blobs/" + Digest::Of("pushed").text()).status, 200);
  EXPECT_EQ(Collect().blobs.count, 0u);
}

TEST_F(CollectorTest, AMountIsHeld) {
  Push("shop/a", "v1", {"layer"});
  LetHoldsEnd();
  const std::string digest = Digest::Of("layer").text();
  ASSERT_EQ(registry_->Post("/v2/shop/b/blobs/uploads/?mount=" + digest + "&from=shop/a").status,
            201);
  EXPECT_EQ(Collect().held.count, 1u);
  EXPECT_EQ(Status("shop/b", "layer"), 200);
}

TEST_F(CollectorTest, EverythingIsHeldAfterAStart) {
  registry_->PushBlob("shop/a", "pushed");
  LetHoldsEnd();
  Restart();
  EXPECT_EQ(Collect().held.count, 1u);
  stores_.clock.Advance(minutes(121));
  EXPECT_EQ(Collect().blobs.count, 1u);
}

TEST_F(CollectorTest, WithoutAHoldItGoesAtOnce) {
  stores_.hold = {};
  Restart();
  registry_->PushBlob("shop/a", "pushed");
  EXPECT_EQ(Collect().blobs.count, 1u);
}

// A store that lets something happen right before a file is removed.
class InterruptedRemoval final : public store::ObjectStore {
 public:
  explicit InterruptedRemoval(std::unique_ptr<store::ObjectStore> store)
      : store_(std::move(store)) {}
  std::function<void()> before_removal;

  Result<std::unique_ptr<store::Upload>> Begin() override { return store_->Begin(); }
  Result<std::unique_ptr<store::Upload>> Resume(const std::string& id) override {
    return store_->Resume(id);
  }
  Result<Digest> Commit(std::unique_ptr<store::Upload> upload,
                        const std::optional<Digest>& expected,
                        const store::BeforePublish& before_publish) override {
    return store_->Commit(std::move(upload), expected, before_publish);
  }
  Result<void> Abort(const std::string& id) override { return store_->Abort(id); }
  Result<store::ObjectInfo> Info(const Digest& digest) override { return store_->Info(digest); }
  Result<std::unique_ptr<File>> Open(const Digest& digest) override { return store_->Open(digest); }
  Result<void> Remove(const Digest& digest) override {
    if (before_removal) std::exchange(before_removal, nullptr)();
    return store_->Remove(digest);
  }
  Result<std::vector<store::ListedObject>> List(const std::optional<Digest>& after,
                                                size_t limit) override {
    return store_->List(after, limit);
  }
  Result<uint64_t> RemoveStaleUploads(uint64_t before_ms) override {
    return store_->RemoveStaleUploads(before_ms);
  }
  std::optional<std::string> LocalPath(const Digest& digest) const override {
    return store_->LocalPath(digest);
  }

 private:
  const std::unique_ptr<store::ObjectStore> store_;
};

TEST_F(CollectorTest, APushOfTheBytesThatAreBeingRemovedEndsWithBytes) {
  auto interrupted = std::make_unique<InterruptedRemoval>(std::move(stores_.objects));
  InterruptedRemoval& removal = *interrupted;
  stores_.objects = std::move(interrupted);
  Restart();
  for (const DigestAlgorithm algorithm : {DigestAlgorithm::kSha256, DigestAlgorithm::kSha512}) {
    registry_->PushBlob("shop/a", kLarge);
    LetHoldsEnd();
    std::thread push;
    // Between the look at the rows and the removal; the push waits at the gate and goes on after.
    removal.before_removal = [&] {
      push = std::thread([&] { registry_->PushBlob("shop/b", kLarge, algorithm); });
    };
    EXPECT_EQ(Collect().objects.count, 1u);
    push.join();
    const std::string path = "/v2/shop/b/blobs/" + Digest::Of(kLarge, algorithm).text();
    EXPECT_EQ(registry_->Get(path).body, kLarge);
    EXPECT_EQ(registry_->Delete(path).status, 202);
    LetHoldsEnd();
    Collect();
    EXPECT_THAT(ObjectsOf(stores_), IsEmpty());
  }
}

TEST_F(CollectorTest, ReadersOfAFileThatGoesReadOn) {
  registry_->PushBlob("shop/a", kLarge);
  const auto file = *stores_.objects->Open(Digest::Of(kLarge));
  LetHoldsEnd();
  EXPECT_EQ(Collect().objects.count, 1u);
  std::string bytes(kLarge.size(), '\0');
  EXPECT_EQ(*file->ReadAt(0, bytes.data(), bytes.size()), kLarge.size());
  EXPECT_EQ(bytes, kLarge);
}

TEST(Holds, ShareAPlaceAndNeverEndEarly) {
  FakeClock clock;
  Holds holds(clock, hours(2));
  clock.Advance(hours(2));
  for (size_t i = 0; i < 2 * kHoldPlaces; ++i) {
    if (i % 1000 == 0) clock.Advance(std::chrono::seconds(1));
    holds.Hold("p/r", Digest::Of("last one only"));
    if (i % 8 == 0) holds.Hold("p/r" + std::to_string(i), Digest::Of("x"));
  }
  EXPECT_TRUE(holds.IsHeld("p/r", Digest::Of("last one only")));
  clock.Advance(hours(2) - std::chrono::milliseconds(1));
  EXPECT_TRUE(holds.IsHeld("p/r", Digest::Of("last one only")));
  clock.Advance(std::chrono::seconds(2));
  EXPECT_FALSE(holds.IsHeld("p/r", Digest::Of("last one only")));
}

TEST(Holds, TellWhoAsksThatItIsBeingRemoved) {
  FakeClock clock;
  Holds holds(clock, hours(2));
  const Digest blob = Digest::Of("blob");
  EXPECT_FALSE(holds.BeginRemoval("p/r", blob)) << "after the start everything is held";
  EXPECT_EQ(holds.RestOfStart(), hours(2));
  clock.Advance(hours(2));
  EXPECT_EQ(holds.RestOfStart(), hours(0));
  const uint64_t before = holds.removals();
  EXPECT_TRUE(holds.BeginRemoval("p/r", blob));
  EXPECT_TRUE(holds.Hold("p/r", blob, holds.removals()));
  EXPECT_FALSE(holds.Hold("p/other", blob, holds.removals()));
  EXPECT_TRUE(holds.Hold("p/other", blob, before)) << "it may have been gone in between";
  const uint64_t during = holds.removals();
  holds.EndRemovals();
  EXPECT_TRUE(holds.Hold("p/r", blob, during)) << "seen before it was gone";
  EXPECT_FALSE(holds.Hold("p/r", blob, holds.removals()));
  EXPECT_FALSE(holds.BeginRemoval("p/r", blob));
}

// Somebody who asks for what nobody has keeps no garbage of others.
TEST_F(CollectorTest, WhatIsNotThereIsNotHeld) {
  LetHoldsEnd();
  const Holds& holds = registry_->registry().holds();
  const Digest blob = Digest::Of("pushed");
  const std::string path = "/v2/shop/a/blobs/";
  EXPECT_EQ(registry_->Head(path + blob.text()).status, 404);
  EXPECT_EQ(registry_->Get(path + blob.text()).status, 404);
  EXPECT_EQ(registry_->Post(path + "uploads/?mount=" + blob.text()).status, 202);
  EXPECT_FALSE(holds.IsHeld("shop/a", blob));
  registry_->PushBlob("shop/a", "pushed");
  EXPECT_TRUE(holds.IsHeld("shop/a", blob));
  LetHoldsEnd();
  EXPECT_FALSE(holds.IsHeld("shop/a", blob));
  for (int i = 0; i < 2; ++i) {  // from the database, and from what was read lately
    EXPECT_EQ(registry_->Head(path + blob.text()).status, 200);
    EXPECT_TRUE(holds.IsHeld("shop/a", blob));
    LetHoldsEnd();
  }
}

// Who asks while the row is being removed is told the truth by the writer.
TEST_F(CollectorTest, AHeadDuringTheRemovalSeesItsEnd) {
  registry_->PushBlob("shop/a", "pushed");
  LetHoldsEnd();
  // The removal has been decided, and its transaction not yet ended: the row is there still.
  Holds& holds = registry_->registry().holds();
  ASSERT_TRUE(holds.BeginRemoval("shop/a", Digest::Of("pushed")));
  const std::string path = "/v2/shop/a/blobs/" + Digest::Of("pushed").text();
  EXPECT_EQ(registry_->Head(path).status, 200) << "the transaction did not come to its end";
  holds.EndRemovals();
  EXPECT_EQ(Collect().blobs.count, 0u) << "and what it was told holds";
}

TEST(ObjectGate, LetsPublishersInTogetherAndARemoverAlone) {
  ObjectGate gate;
  const Digest object = Digest::Of("object");
  auto first = gate.Enter(object);
  {
    const auto second = gate.Enter(object);
    EXPECT_FALSE(gate.Close(object).has_value());
    EXPECT_TRUE(gate.Close(Digest::Of("other")).has_value());
  }
  EXPECT_FALSE(gate.Close(object).has_value());
  first = ObjectGate::Pass();
  auto remover = gate.Close(object);
  ASSERT_TRUE(remover.has_value());
  EXPECT_FALSE(gate.Close(object).has_value());
  std::atomic<bool> inside = false;
  std::thread publisher([&] {
    const auto pass = gate.Enter(object);
    inside = true;
  });
  EXPECT_FALSE(inside);
  remover.reset();
  publisher.join();
  EXPECT_TRUE(inside);
  EXPECT_TRUE(gate.Close(object).has_value());
}

}  // namespace
}  // namespace slipway::registry
