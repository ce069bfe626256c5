// The local store: what is in it after each change, with others at work, with damage, after a
// crash.
#include "model/local/local_store.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/fault_file_system.h"
#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"
#include "model/local/fetch.h"
#include "model/local/save.h"
#include "model/push.h"
#include "oci/media_types.h"
#include "oci/testing/fake_registry.h"

namespace slipway::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kLimit = 1 << 20;

// A manifest of one layer, as small as can be.
std::string ManifestOf(const std::string& layer) {
  return R"({"schemaVersion":2,"mediaType":")" + std::string(oci::kImageManifestType) +
         R"(","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":")" +
         Digest::Of("{}").text() + R"(","size":2},"layers":[{"mediaType":"a/b","digest":")" +
         Digest::Of(layer).text() + R"(","size":)" + std::to_string(layer.size()) + "}]}";
}

oci::Descriptor DescriptorOf(const std::string& manifest) {
  return {.media_type = std::string(oci::kImageManifestType),
          .digest = Digest::Of(manifest),
          .size_bytes = manifest.size()};
}

// Brings in a manifest of that layer.
Result<bool> Put(LocalStore& store, const std::string& name, const std::string& layer) {
  TRY(change, store.Begin());
  TRY(content, change->Create());
  TRY_VOID(content.Append(layer));
  TRY_VOID(change->Keep(std::move(content), Digest::Of(layer)));
  TRY_VOID(change->Put(Digest::Of("{}"), "{}"));
  const std::string manifest = ManifestOf(layer);
  TRY_VOID(change->Put(Digest::Of(manifest), manifest));
  return change->Publish(name, DescriptorOf(manifest));
}

std::string NamesIn(LocalStore& store) {
  const auto entries = store.List();
  if (!entries.has_value()) return std::string(entries.error().reason());
  std::string names;
  for (const LocalEntry& entry : *entries) names += (names.empty() ? "" : " ") + entry.name;
  return names;
}

class LocalStoreTest : public ::testing::Test {
 protected:
  std::vector<std::string> Blobs() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "store/blobs/sha256")) {
      names.push_back(entry.path().filename());
    }
    return names;
  }
  bool HasBlob(const std::string& content) {
    return std::filesystem::exists(folder_ / "store/blobs/sha256" + "/" +
                                   std::string(Digest::Of(content).hex()));
  }
  std::string Read(const std::string& path) {
    return ReadWholeFile(PosixFileSystem(), folder_ / path, kLimit).value();
  }
  void Write(const std::string& path, const std::string& content) {
    const std::filesystem::path whole = folder_ / path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole, std::ios::binary) << content;
  }
  std::vector<std::string> Pendings() {
    return PosixFileSystem().List(folder_ / "store/.slipway/pending").value();
  }
  oci::Client MakeClient() {
    return oci::Client({.base_url = "http://registry.test",
                        .transport = registry_.transport(),
                        .retry_pause = std::chrono::milliseconds(0)});
  }
  Result<Fetched> FetchModel(const std::string& name) {
    TRY(reference, oci::Reference::Parse(name));
    oci::Client client = MakeClient();
    return Fetch(store_, reference, client, name);
  }
  // A model of these layers at the registry.
  void Offer(const std::string& tag, const std::vector<std::string>& layers) {
    registry_.blobs[{"p/a", Digest::Of("{}").text()}] = "{}";
    std::string list;
    for (const std::string& layer : layers) {
      registry_.blobs[{"p/a", Digest::Of(layer).text()}] = layer;
      list += (list.empty() ? "" : ",") + std::string(R"({"mediaType":"a/b","digest":")") +
              Digest::Of(layer).text() + R"(","size":)" + std::to_string(layer.size()) + "}";
    }
    registry_.manifests[{"p/a", tag}] =
        R"({"schemaVersion":2,"config":{"mediaType":"a/b","digest":")" + Digest::Of("{}").text() +
        R"(","size":2},"layers":[)" + list + "]}";
  }

  TemporaryFolder folder_;
  FakeClock clock_;
  LocalStore store_{PosixFileSystem(), folder_ / "store", clock_};
  oci::FakeRegistry registry_;
};

TEST_F(LocalStoreTest, IsNothingBeforeTheFirstChange) {
  EXPECT_EQ(NamesIn(store_), "");
  EXPECT_THAT(store_.Keep(), IsOk());
  EXPECT_EQ(store_.Find(std::string("p/a:v1")).error().reason(), "MODEL_UNKNOWN");
  EXPECT_EQ(store_.Remove({{"p/a:v1"}}).error().reason(), "MODEL_UNKNOWN");
  EXPECT_EQ(store_.Tag({"p/a:v1"}, "p/a:v2").error().reason(), "MODEL_UNKNOWN");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "store"));
}

TEST_F(LocalStoreTest, IsAnImageLayout) {
  ASSERT_THAT(Put(store_, "p/a:v1", "weights"), IsOk());
  EXPECT_EQ(Read("store/oci-layout"), R"({"imageLayoutVersion":"1.0.0"})");
  const std::string manifest = ManifestOf("weights");
  EXPECT_EQ(Read("store/index.json"),
            R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",)"
            R"("manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
                Digest::Of(manifest).text() + R"(","size":)" + std::to_string(manifest.size()) +
                R"(,"annotations":{"org.opencontainers.image.created":"2023-11-14T22:13:20.000Z",)"
                R"("org.opencontainers.image.ref.name":"p/a:v1"}}]})");
  EXPECT_EQ(Blobs().size(), 3u);
  EXPECT_THAT(Pendings(), IsEmpty());
}

TEST_F(LocalStoreTest, FindsByTagAndByDigest) {
  ASSERT_THAT(Put(store_, "p/a:v1", "one"), IsOk());
  ASSERT_THAT(Put(store_, "p/a:v2", "two"), IsOk());
  const Digest two = Digest::Of(ManifestOf("two"));
  const auto find = [&](const std::string& text) -> std::string {
    const auto found = store_.FindAll(oci::Reference::Parse(text).value());
    return found.has_value() ? found->front().name : std::string(found.error().reason());
  };
  EXPECT_EQ(find("p/a:v1"), "p/a:v1");
  EXPECT_EQ(find("p/a@" + two.text()), "p/a:v2");
  EXPECT_EQ(find("p/a:v2@" + two.text()), "p/a:v2");
  EXPECT_EQ(find("p/a:v1@" + two.text()), "MODEL_UNKNOWN");
  EXPECT_EQ(find("p/b@" + two.text()), "MODEL_UNKNOWN");
  EXPECT_EQ(find("h.test/p/a:v1"), "MODEL_UNKNOWN");
  EXPECT_EQ(find("p/a"), "MODEL_UNKNOWN");
  ASSERT_THAT(store_.Tag({"p/a:v2"}, "p/a:v3"), IsOk());
  EXPECT_EQ(store_.FindAll(oci::Reference::Parse("p/a@" + two.text()).value())->size(), 2u);
}

TEST_F(LocalStoreTest, EntriesWithoutANameGoByTheirDigest) {
  ASSERT_THAT(Put(store_, "p/a:v1", "one"), IsOk());
  ASSERT_THAT(Put(store_, "p/a:v2", "two"), IsOk());
  std::string index = Read("store/index.json");
  const std::string name = R"(,"org.opencontainers.image.ref.name":"p/a:v1")";
  ASSERT_NE(index.find(name), std::string::npos);
  index.erase(index.find(name), name.size());
  Write("store/index.json", index);
  EXPECT_EQ(store_.List()->front().name, "");
  const Digest one = Digest::Of(ManifestOf("one"));
  const Digest two = Digest::Of(ManifestOf("two"));
  EXPECT_EQ(store_.Tag({"", two}, "p/a:no").error().reason(), "MODEL_UNKNOWN")
      << "that one has a name";
  EXPECT_EQ(store_.Tag({"", one}, "p/a:yes").value(), true);
  EXPECT_EQ(store_.Find(std::string("p/a:yes"))->manifest.digest, one);
  EXPECT_EQ(store_.Remove({{""}}).error().reason(), "MODEL_UNKNOWN");
  EXPECT_EQ(store_.Remove({{"", two}}).error().reason(), "MODEL_UNKNOWN");
  // A name that stands for something else by now is not removed.
  EXPECT_EQ(store_.Remove({{"p/a:v2", one}}).error().reason(), "MODEL_UNKNOWN");
  ASSERT_THAT(store_.Remove({{"", one}}), IsOk());
  EXPECT_EQ(NamesIn(store_), "p/a:v2 p/a:yes");
  EXPECT_TRUE(HasBlob("one"));
  ASSERT_THAT(store_.Remove({{"p/a:yes", one}, {"p/a:v2", two}}), IsOk());
  EXPECT_THAT(Blobs(), IsEmpty());
}

TEST_F(LocalStoreTest, TagsAreNamesForTheSame) {
  ASSERT_THAT(Put(store_, "p/a:v1", "one"), IsOk());
  EXPECT_EQ(store_.Tag({"p/a:v1"}, "p/a:new").value(), true);
  EXPECT_EQ(store_.Tag({"p/a:v1"}, "p/a:new").value(), false);
  EXPECT_EQ(store_.Tag({"p/a:v1"}, "p/a:v1").value(), false);
  EXPECT_EQ(NamesIn(store_), "p/a:v1 p/a:new");
  // A name that stands for something else now: what it stood for is freed.
  ASSERT_THAT(Put(store_, "p/a:v2", "two"), IsOk());
  EXPECT_EQ(store_.Tag({"p/a:v1"}, "p/a:v2").value(), true);
  EXPECT_FALSE(HasBlob("two"));
  EXPECT_TRUE(HasBlob("one"));
  EXPECT_THAT(Pendings(), IsEmpty());
}

TEST_F(LocalStoreTest, WhatIsReplacedIsFreed) {
  ASSERT_THAT(Put(store_, "p/a:v1", "one"), IsOk());
  EXPECT_EQ(Put(store_, "p/a:v1", "one").value(), false);
  EXPECT_EQ(Put(store_, "p/a:v1", "two").value(), true);
  EXPECT_FALSE(HasBlob("one"));
  EXPECT_TRUE(HasBlob("two"));
  EXPECT_TRUE(HasBlob("{}"));
}

TEST_F(LocalStoreTest, RemoveFreesWhatNothingNames) {
  ASSERT_THAT(Put(store_, "p/a:v1", "one"), IsOk());
  ASSERT_THAT(Put(store_, "p/a:v2", "two"), IsOk());
  ASSERT_THAT(store_.Tag({"p/a:v2"}, "p/a:stable"), IsOk());
  EXPECT_EQ(store_.Remove({{"p/a:v1"}, {"p/a:v9"}}).error().reason(), "MODEL_UNKNOWN");
  EXPECT_EQ(NamesIn(store_), "p/a:v1 p/a:v2 p/a:stable") << "all or none";
  const auto removed = store_.Remove({{"p/a:v1"}, {"p/a:v2"}});
  ASSERT_THAT(removed, IsOk());
  EXPECT_EQ(removed->freed_bytes, 3 + ManifestOf("one").size());
  EXPECT_FALSE(removed->is_deferred);
  EXPECT_EQ(NamesIn(store_), "p/a:stable");
  EXPECT_TRUE(HasBlob("two"));
  ASSERT_THAT(store_.Remove({{"p/a:stable"}}), IsOk());
  EXPECT_THAT(Blobs(), IsEmpty());
  EXPECT_THAT(Pendings(), IsEmpty());
}

TEST_F(LocalStoreTest, NothingIsFreedWhileSomebodyReads) {
  ASSERT_THAT(Put(store_, "p/a:v1", "one"), IsOk());
  {
    const auto hold = store_.Keep();
    ASSERT_THAT(hold, IsOk());
    const auto removed = store_.Remove({{"p/a:v1"}});
    ASSERT_THAT(removed, IsOk());
    EXPECT_TRUE(removed->is_deferred);
    EXPECT_TRUE(HasBlob("one"));
    EXPECT_EQ(NamesIn(store_), "");
  }
  EXPECT_FALSE(HasBlob("one")) << "who was the last there freed it";
}

TEST_F(LocalStoreTest, NothingIsFreedWhileSomebodySaves) {
  ASSERT_THAT(Put(store_, "p/a:v1", "one"), IsOk());
  auto change = store_.Begin();
  ASSERT_THAT(change, IsOk());
  const std::string manifest = ManifestOf("one");
  ASSERT_THAT((*change)->Put(Digest::Of(manifest), manifest), IsOk());
  EXPECT_TRUE(store_.Remove({{"p/a:v1"}})->is_deferred);
  // It found the layer and does not bring it again.
  EXPECT_EQ((*change)->Publish("p/a:v3", DescriptorOf(manifest)).value(), true);
  change->reset();
  EXPECT_EQ(NamesIn(store_), "p/a:v3");
  EXPECT_TRUE(HasBlob("one"));
  EXPECT_THAT(Pendings(), IsEmpty());
}

TEST_F(LocalStoreTest, WhatIsNotPublishedIsFreed) {
  {
    auto change = store_.Begin();
    ASSERT_THAT(change, IsOk());
    ASSERT_THAT((*change)->Put(Digest::Of("half"), "half"), IsOk());
    EXPECT_TRUE(HasBlob("half"));
  }
  EXPECT_THAT(Blobs(), IsEmpty());
  EXPECT_THAT(Pendings(), IsEmpty());
}

TEST_F(LocalStoreTest, WhatAKilledProgramLeftIsFreedByTheNext) {
  ASSERT_THAT(Put(store_, "p/a:v1", "one"), IsOk());
  Write("store/.slipway/pending/dead/0123", "half of a file");
  Write("store/blobs/sha256/" + std::string(Digest::Of("half").hex()), "half");
  Write("store/index.json.new-77", "half of an index");
  ASSERT_THAT(Put(store_, "p/a:v2", "two"), IsOk());
  EXPECT_FALSE(HasBlob("half"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "store/index.json.new-77"));
  EXPECT_THAT(Pendings(), IsEmpty());
  EXPECT_EQ(NamesIn(store_), "p/a:v1 p/a:v2");
}

TEST_F(LocalStoreTest, KeepsWhatOtherToolsWrote) {
  ASSERT_THAT(Put(store_, "p/a:v1", "one"), IsOk());
  const std::string foreign = R"({"mediaType":"application/vnd.other+xml","digest":")" +
                              Digest::Of("<x/>").text() + R"(","size":4,"x":{"kept":[1]}})";
  const std::string index = Read("store/index.json");
  Write("store/index.json",
        index.substr(0, index.find('[') + 1) + foreign + "," + index.substr(index.find('[') + 1));
  Write("store/blobs/sha256/" + std::string(Digest::Of("<x/>").hex()), "<x/>");
  Write("store/blobs/sha256/oci-put-blob1", "of another tool");
  ASSERT_THAT(store_.Remove({{"p/a:v1"}}), IsOk());
  EXPECT_THAT(Read("store/index.json"), HasSubstr(foreign));
  EXPECT_TRUE(HasBlob("<x/>"));
  EXPECT_FALSE(HasBlob("one"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "store/blobs/sha256/oci-put-blob1"));
}

TEST_F(LocalStoreTest, AnIndexKeepsItsChildren) {
  ASSERT_THAT(Put(store_, "p/a:v1", "one"), IsOk());
  const std::string child = ManifestOf("one");
  const std::string top = R"({"schemaVersion":2,"mediaType":")" +
                          std::string(oci::kImageIndexType) + R"(","manifests":[{"mediaType":")" +
                          std::string(oci::kImageManifestType) + R"(","digest":")" +
                          Digest::Of(child).text() + R"(","size":)" + std::to_string(child.size()) +
                          "}]}";
  auto change = store_.Begin();
  ASSERT_THAT(change, IsOk());
  ASSERT_THAT((*change)->Put(Digest::Of(top), top), IsOk());
  oci::Descriptor entry = DescriptorOf(top);
  entry.media_type = oci::kImageIndexType;
  ASSERT_THAT((*change)->Publish("p/a:all", entry), IsOk());
  change->reset();
  ASSERT_THAT(store_.Remove({{"p/a:v1"}}), IsOk());
  EXPECT_TRUE(HasBlob("one"));
  const auto artifact = store_.ReadArtifact(entry);
  ASSERT_THAT(artifact, IsOk());
  EXPECT_EQ(artifact->manifests.size(), 2u);
  EXPECT_EQ(artifact->root().bytes, top);
  ASSERT_THAT(store_.Remove({{"p/a:all"}}), IsOk());
  EXPECT_THAT(Blobs(), IsEmpty());
}

TEST_F(LocalStoreTest, NothingIsFreedWhileAManifestCannotBeRead) {
  ASSERT_THAT(Put(store_, "p/a:v1", "one"), IsOk());
  ASSERT_THAT(Put(store_, "p/a:v2", "two"), IsOk());
  Write("store/blobs/sha256/" + std::string(Digest::Of(ManifestOf("one")).hex()), "{}");
  auto removed = store_.Remove({{"p/a:v2"}});
  ASSERT_THAT(removed, IsOk());
  EXPECT_THAT(removed->problem, HasSubstr(Digest::Of(ManifestOf("one")).text()));
  EXPECT_TRUE(HasBlob("two"));
  removed = store_.Remove({{"p/a:v1"}});
  ASSERT_THAT(removed, IsOk());
  EXPECT_EQ(removed->problem, "");
  EXPECT_THAT(Blobs(), IsEmpty());
}

TEST_F(LocalStoreTest, BrokenLayoutsAreToldAndLeft) {
  ASSERT_THAT(Put(store_, "p/a:v1", "one"), IsOk());
  for (const char* text : {"", "{", "[]", "{}", R"({"manifests":{}})", R"({"manifests":"x"})"}) {
    Write("store/index.json", text);
    const auto listed = store_.List();
    ASSERT_FALSE(listed.has_value()) << text;
    EXPECT_EQ(listed.error().reason(), "LAYOUT_INVALID") << text;
    EXPECT_THAT(listed.error().message(), HasSubstr("index.json")) << text;
    EXPECT_EQ(Put(store_, "p/a:v2", "two").error().reason(), "LAYOUT_INVALID") << text;
    EXPECT_EQ(store_.Remove({{"p/a:v1"}}).error().reason(), "LAYOUT_INVALID") << text;
    EXPECT_EQ(Read("store/index.json"), text);
    EXPECT_TRUE(HasBlob("one")) << text;
  }
  std::filesystem::remove(folder_ / "store/index.json");
  EXPECT_EQ(NamesIn(store_), "LAYOUT_INVALID");
  Write("store/oci-layout", R"({"imageLayoutVersion":"2.0"})");
  EXPECT_EQ(NamesIn(store_), "LAYOUT_INVALID");
}

TEST_F(LocalStoreTest, FoldersWithOtherThingsAreLeftAlone) {
  Write("store/thesis.txt", "mine");
  EXPECT_EQ(NamesIn(store_), "LAYOUT_FOREIGN");
  EXPECT_EQ(Put(store_, "p/a:v1", "one").error().reason(), "LAYOUT_FOREIGN");
  EXPECT_EQ(PosixFileSystem().List(folder_ / "store").value().size(), 1u);
}

TEST_F(LocalStoreTest, LinksAreNotFollowed) {
  ASSERT_THAT(Put(store_, "p/a:v1", "one"), IsOk());
  Write("secret", "one");
  const std::string blob = folder_ / "store/blobs/sha256/" + std::string(Digest::Of("one").hex());
  std::filesystem::remove(blob);
  std::filesystem::create_symlink(folder_ / "secret", blob);
  EXPECT_EQ(store_.Open(Digest::Of("one")).error().reason(), "LINK_REFUSED");
  // What is brought again takes its place.
  ASSERT_THAT(Put(store_, "p/a:v2", "one"), IsOk());
  EXPECT_FALSE(std::filesystem::is_symlink(blob));

  Write("other/" + std::string(Digest::Of("mine").hex()), "mine");
  std::filesystem::remove_all(folder_ / "store/blobs/sha256");
  std::filesystem::create_directory_symlink(folder_ / "other", folder_ / "store/blobs/sha256");
  EXPECT_EQ(store_.Remove({{"p/a:v1"}}).error().reason(), "LINK_REFUSED");
  EXPECT_EQ(Read("other/" + std::string(Digest::Of("mine").hex())), "mine");
}

TEST_F(LocalStoreTest, DevicesAreNotWaitedFor) {
  ASSERT_THAT(Put(store_, "p/a:v1", "one"), IsOk());
  std::filesystem::remove(folder_ / "store/index.json");
  ASSERT_EQ(mkfifo((folder_ / "store/index.json").c_str(), 0600), 0);
  EXPECT_EQ(NamesIn(store_), "FILE_SPECIAL");
}

TEST_F(LocalStoreTest, DamageIsFoundWhenItIsRead) {
  ASSERT_THAT(Put(store_, "p/a:v1", "one"), IsOk());
  Write("store/blobs/sha256/" + std::string(Digest::Of("one").hex()), "0ne");
  const oci::Descriptor layer{.media_type = "a/b", .digest = Digest::Of("one"), .size_bytes = 3};
  EXPECT_EQ(store_.Has(layer).value(), false);
  const std::string manifest = ManifestOf("one");
  Write("store/blobs/sha256/" + std::string(Digest::Of(manifest).hex()),
        std::string(manifest.size(), ' '));
  EXPECT_EQ(store_.ReadManifest(DescriptorOf(manifest)).error().reason(), "CONTENT_DAMAGED");
}

TEST_F(LocalStoreTest, SavesAndPushesTheSamePackage) {
  Write("in/model.onnx",
        ReadWholeFile(PosixFileSystem(), "tests/fixtures/models/mlp_a.onnx", kLimit).value());
  Write("in/data/large.bin", std::string(200'000, 'w'));
  Write("in/empty.bin", "");
  for (const PackageForm form :
       {PackageForm::kModelPack, PackageForm::kOrmb, PackageForm::kModelcar}) {
    const auto packaged = PackageModel(PosixFileSystem(), folder_ / "in", {.form = form});
    ASSERT_THAT(packaged, IsOk());
    const auto saved = Save(store_, PosixFileSystem(), folder_ / "in", "p/a:v1", {.form = form});
    ASSERT_THAT(saved, IsOk());
    EXPECT_TRUE(saved->changed);
    EXPECT_EQ(saved->package.manifest_digest, packaged->manifest_digest);
    EXPECT_FALSE(
        Save(store_, PosixFileSystem(), folder_ / "in", "p/a:v1", {.form = form})->changed);
    const auto entry = store_.Find(std::string("p/a:v1"));
    ASSERT_THAT(entry, IsOk());
    const auto artifact = store_.ReadArtifact(entry->manifest);
    ASSERT_THAT(artifact, IsOk());
    for (const oci::Descriptor& layer : artifact->layers) EXPECT_TRUE(store_.Has(layer).value());
    oci::Client client = MakeClient();
    const auto to = oci::Reference::Parse("p/a:v1").value();
    const auto pushed = PushArtifact(store_, *artifact, to, client);
    ASSERT_THAT(pushed, IsOk());
    EXPECT_EQ(pushed->digest, packaged->manifest_digest);
    EXPECT_EQ((registry_.manifests[{"p/a", "v1"}]), packaged->manifest);
    EXPECT_FALSE(PushArtifact(store_, *artifact, to, client)->changed);
  }
}

TEST_F(LocalStoreTest, SavingHealsDamage) {
  Write("in/large.bin", std::string(200'000, 'w'));
  ASSERT_THAT(Save(store_, PosixFileSystem(), folder_ / "in", "p/a:v1"), IsOk());
  const std::string blob =
      "store/blobs/sha256/" + std::string(Digest::Of(std::string(200'000, 'w')).hex());
  Write(blob, std::string(200'000, 'x'));
  ASSERT_THAT(Save(store_, PosixFileSystem(), folder_ / "in", "p/a:v1"), IsOk());
  EXPECT_EQ(Read(blob), std::string(200'000, 'w'));
}

TEST_F(LocalStoreTest, DamageIsNotPushed) {
  Write("in/large.bin", std::string(200'000, 'w'));
  ASSERT_THAT(Save(store_, PosixFileSystem(), folder_ / "in", "p/a:v1"), IsOk());
  Write("store/blobs/sha256/" + std::string(Digest::Of(std::string(200'000, 'w')).hex()),
        std::string(200'000, 'x'));
  const auto artifact = store_.ReadArtifact(store_.Find(std::string("p/a:v1"))->manifest);
  ASSERT_THAT(artifact, IsOk());
  oci::Client client = MakeClient();
  const auto pushed =
      PushArtifact(store_, *artifact, oci::Reference::Parse("p/a:v1").value(), client);
  ASSERT_FALSE(pushed.has_value());
  EXPECT_EQ(pushed.error().reason(), "CONTENT_DAMAGED");
  EXPECT_THAT(pushed.error().message(), HasSubstr("large.bin"));
  EXPECT_FALSE(registry_.manifests.contains({"p/a", "v1"}));
}

TEST_F(LocalStoreTest, FetchesOnlyWhatIsMissing) {
  Offer("v1", {std::string(5'000, 'a'), std::string(6'000, 'b')});
  auto fetched = FetchModel("p/a:v1");
  ASSERT_THAT(fetched, IsOk());
  EXPECT_TRUE(fetched->changed);
  EXPECT_EQ(fetched->bytes_downloaded, 11'000u);
  fetched = FetchModel("p/a:v1");
  ASSERT_THAT(fetched, IsOk());
  EXPECT_FALSE(fetched->changed);
  EXPECT_EQ(fetched->bytes_downloaded, 0u);
  Offer("v2", {std::string(5'000, 'a'), std::string(7'000, 'c')});
  EXPECT_EQ(FetchModel("p/a:v2")->bytes_downloaded, 7'000u);
  // Damage here is mended from there.
  Write("store/blobs/sha256/" + std::string(Digest::Of(std::string(5'000, 'a')).hex()),
        std::string(5'000, '?'));
  EXPECT_EQ(FetchModel("p/a:v1")->bytes_downloaded, 5'000u);
  EXPECT_THAT(Pendings(), IsEmpty());
  EXPECT_THAT(PosixFileSystem().List(folder_ / "store/.slipway/partial").value(), IsEmpty());
}

TEST_F(LocalStoreTest, GoesOnWithACutFetch) {
  Offer("v1", {std::string(5'000, 'a'), std::string(60'000, 'b')});
  // The second layer is cut, and its registry gone.
  const std::string second = "blobs/" + Digest::Of(std::string(60'000, 'b')).text();
  int asked = 0;
  registry_.intercept =
      [&](const net::ClientRequest& request) -> std::optional<Result<net::ClientResponse>> {
    if (request.url.find(second) == std::string::npos) return std::nullopt;
    if (++asked == 1) {
      registry_.cut_after = 20'000;
      return std::nullopt;
    }
    return Result<net::ClientResponse>(Unavailable("GONE", "it is gone"));
  };
  EXPECT_EQ(FetchModel("p/a:v1").error().reason(), "GONE");
  EXPECT_EQ(NamesIn(store_), "");
  EXPECT_THAT(Blobs(), IsEmpty());
  registry_.intercept = nullptr;
  registry_.requests.clear();
  uint64_t loaded = 0;
  const auto reference = oci::Reference::Parse("p/a:v1").value();
  oci::Client client = MakeClient();
  const auto fetched = Fetch(store_, reference, client, "p/a:v1",
                             {.progress = [&](std::string_view, uint64_t done, uint64_t) {
                               if (loaded == 0)
                                 loaded = done;  // of the first news after the announcement
                             }});
  ASSERT_THAT(fetched, IsOk());
  EXPECT_GT(loaded, 20'000u) << "what was here was not loaded again";
  EXPECT_TRUE(HasBlob(std::string(60'000, 'b')));
  // The first one was whole: nobody asked for it again.
  for (const std::string& request : registry_.requests) {
    EXPECT_EQ(request.find(Digest::Of(std::string(5'000, 'a')).text()), std::string::npos);
  }
  EXPECT_THAT(PosixFileSystem().List(folder_ / "store/.slipway/partial").value(), IsEmpty());
}

TEST_F(LocalStoreTest, OldPartialFilesAreFreed) {
  ASSERT_THAT(Put(store_, "p/a:v1", "one"), IsOk());
  const std::string partial = "store/.slipway/partial/sha256-" + std::string(Digest::Of("x").hex());
  Write(partial, "half");
  ASSERT_THAT(Put(store_, "p/a:v1", "two"), IsOk());
  EXPECT_TRUE(std::filesystem::exists(folder_ / partial));
  // The file is as old as this test; the clock began years before.
  clock_.Advance(std::chrono::hours(24 * 365 * 30));
  ASSERT_THAT(Put(store_, "p/a:v1", "three"), IsOk());
  EXPECT_FALSE(std::filesystem::exists(folder_ / partial));
}

// Every name has all of its content, whatever moment the power went off at, and what was
// acknowledged is there.
TEST(LocalStoreCrash, NamesHaveTheirContent) {
  const auto run = [](FaultFileSystem& disk, std::vector<std::string>& acknowledged) {
    FakeClock clock;
    LocalStore store(disk, "/cache/models", clock);
    if (!Put(store, "p/a:v1", "one").has_value()) return;
    acknowledged = {"p/a:v1"};
    if (!Put(store, "p/a:v2", "two").has_value()) return;
    acknowledged = {"p/a:v1", "p/a:v2"};
    if (!store.Tag({"p/a:v2"}, "p/a:v3").has_value()) return;
    acknowledged = {"p/a:v1", "p/a:v2", "p/a:v3"};
    acknowledged.erase(acknowledged.begin());  // under way: there or not
    if (!store.Remove({{"p/a:v1"}}).has_value()) return;
  };
  FaultFileSystem undisturbed;
  std::vector<std::string> ignored;
  run(undisturbed, ignored);
  const uint64_t changes = undisturbed.changes();
  ASSERT_GT(changes, 30u);
  for (uint64_t cut = 0; cut <= changes; ++cut) {
    FaultFileSystem disk;
    disk.CutPowerAfter(cut);
    std::vector<std::string> acknowledged;
    run(disk, acknowledged);
    for (uint64_t seed = 0; seed < 4; ++seed) {
      const auto after = disk.Crash(seed + 1000 * cut);
      FakeClock clock;
      LocalStore store(*after, "/cache/models", clock);
      const auto entries = store.List();
      ASSERT_THAT(entries, IsOk()) << cut << ' ' << seed;
      for (const LocalEntry& entry : *entries) {
        const auto artifact = store.ReadArtifact(entry.manifest);
        ASSERT_THAT(artifact, IsOk()) << entry.name << ' ' << cut << ' ' << seed;
        for (const oci::Descriptor& layer : artifact->layers) {
          EXPECT_TRUE(store.Has(layer).value()) << entry.name << ' ' << cut << ' ' << seed;
        }
      }
      for (const std::string& name : acknowledged) {
        EXPECT_THAT(store.Find(name), IsOk()) << name << ' ' << cut << ' ' << seed;
      }
      // And it goes on.
      EXPECT_THAT(Put(store, "p/a:v4", "four"), IsOk()) << cut << ' ' << seed;
    }
  }
}

}  // namespace
}  // namespace slipway::model
