// Pushes, mounts and deletions between the steps of a collection: all interleavings of a few, and
// random ones against a model.
#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/crash_seeds.h"
#include "base/testing/result_matchers.h"
#include "registry/limits.h"
#include "registry/testing/stored_content.h"

namespace slipway::registry {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using Names = std::set<std::string>;

const std::string kLarge(kMaxInlineBytes + 1, 'l');
constexpr auto kSha512 = DigestAlgorithm::kSha512;

// A registry with blobs that a collection would remove, and one client.
class Site {
 public:
  Site() {
    Push("p/a", "kept", {"kept"});
    Push("p/a", "gone", {"small", kLarge});
    registry_.PushBlob("p/a", "alias", kSha512);
    DeleteManifest("p/a", {"small", kLarge});
    stores_.clock.Advance(hours(3));
    collector_ = registry_.registry().MakeCollector(false);
  }

  // True while there is more.
  bool Step() {
    const auto more = collector_->Step();
    EXPECT_THAT(more, IsOk());
    return more && *more;
  }
  static std::string Bytes(const std::vector<std::string>& layers) {
    return ManifestJson("{}", layers);
  }
  static std::string Manifest(const std::vector<std::string>& layers) {
    return Digest::Of(Bytes(layers)).text();
  }
  void Push(const std::string& repository, const std::string& tag,
            const std::vector<std::string>& layers) {
    LookFor(repository, layers);
    Upload(repository);
    PutManifest(repository, tag, layers);
  }

  // The steps of a client that pushes.
  void LookFor(const std::string& repository, const std::vector<std::string>& layers) {
    missing_.clear();
    for (const std::string& layer : WithConfig(layers)) {
      const std::string digest = Digest::Of(layer).text();
      const int status = registry_.Head("/v2/" + repository + "/blobs/" + digest).status;
      if (status == 404) missing_.push_back(layer);
    }
  }
  void Upload(const std::string& repository) {
    for (const std::string& layer : missing_) registry_.PushBlob(repository, layer);
  }
  void Mount(const std::string& repository, const std::string& from,
             const std::vector<std::string>& layers) {
    missing_.clear();
    for (const std::string& layer : WithConfig(layers)) {
      const TestResponse answer =
          registry_.Post("/v2/" + repository + "/blobs/uploads/?mount=" + Digest::Of(layer).text() +
                         "&from=" + from);
      if (answer.status == 202) missing_.push_back(layer);
    }
  }
  void PutManifest(const std::string& repository, const std::string& tag,
                   const std::vector<std::string>& layers) {
    registry_.PushManifest(repository, tag, Bytes(layers));  // expects 201
    manifests_[repository + " " + Manifest(layers)] = layers;
  }
  void DeleteManifest(const std::string& repository, const std::vector<std::string>& layers) {
    EXPECT_EQ(registry_.Delete("/v2/" + repository + "/manifests/" + Manifest(layers)).status, 202);
    manifests_.erase(repository + " " + Manifest(layers));
  }
  void PushBySha512(const std::string& repository, const std::string& content) {
    registry_.PushBlob(repository, content, kSha512);
    blobs_by_sha512_[repository + " " + Digest::Of(content, kSha512).text()] = content;
  }

  // All that was acknowledged can be pulled; afterwards nothing is left that nobody needs.
  void Check() {
    while (Step()) {
    }
    CheckPulls();
    for (const auto& [name, content] : blobs_by_sha512_) {
      const size_t space = name.find(' ');
      EXPECT_EQ(
          registry_.Get("/v2/" + name.substr(0, space) + "/blobs/" + name.substr(space + 1)).body,
          content);
    }
    stores_.clock.Advance(hours(3));
    CollectAll(registry_.registry());
    CheckPulls();
    Names expected;
    for (const auto& [name, layers] : manifests_) {
      expected.insert(name.substr(name.find(' ') + 1));
      for (const std::string& layer : WithConfig(layers)) {
        expected.insert(Digest::Of(layer).text());
      }
    }
    EXPECT_EQ(ObjectsOf(stores_), expected);
    EXPECT_TRUE(KeysWith(*stores_.meta, "registry/alias/").empty());
  }

 private:
  static std::vector<std::string> WithConfig(std::vector<std::string> layers) {
    layers.emplace_back("{}");
    return layers;
  }
  void CheckPulls() {
    for (const auto& [name, layers] : manifests_) {
      const std::string repository = name.substr(0, name.find(' '));
      EXPECT_EQ(registry_.Get("/v2/" + repository + "/manifests/" + Manifest(layers)).body,
                Bytes(layers));
      // As somebody whose looks hold nothing.
      registry_.As(ViewerOf("p"));
      for (const std::string& layer : WithConfig(layers)) {
        const std::string digest = Digest::Of(layer).text();
        EXPECT_EQ(registry_.Get("/v2/" + repository + "/blobs/" + digest).body, layer);
      }
      registry_.As(AdminOfAll());
    }
  }

  RegistryStores stores_;
  RegistryFixture registry_{stores_};
  std::unique_ptr<Collector> collector_;
  std::vector<std::string> missing_;
  std::map<std::string, std::vector<std::string>> manifests_;  // "REPO DIGEST": layers
  std::map<std::string, std::string> blobs_by_sha512_;
};

using Story = std::vector<std::function<void(Site&)>>;

size_t StepsOfACollection() {
  Site site;
  size_t steps = 1;
  while (site.Step()) ++steps;
  return steps;
}

// Runs the story's parts after `at[i]` steps of the collection, in every non-decreasing way.
void ForEveryInterleaving(const Story& story) {
  const size_t steps = StepsOfACollection();
  ASSERT_GE(steps, 8u);
  std::vector<size_t> at(story.size(), 0);
  size_t runs = 0;
  while (true) {
    {
      Site site;
      size_t done = 0;
      for (size_t part = 0; part < story.size(); ++part) {
        for (; done < at[part]; ++done) site.Step();
        story[part](site);
      }
      site.Check();
      ++runs;
      std::string where;
      for (const size_t place : at) where += std::to_string(place) + " ";
      ASSERT_FALSE(testing::Test::HasFailure()) << "after steps " << where;
    }
    // The next non-decreasing choice.
    size_t part = story.size();
    while (part > 0 && at[part - 1] == steps) --part;
    if (part == 0) break;
    const size_t next = at[part - 1] + 1;
    for (size_t i = part - 1; i < story.size(); ++i) at[i] = next;
  }
  EXPECT_GT(runs, steps);
}

TEST(CollectionInterleaving, APush) {
  ForEveryInterleaving(
      {[](Site& site) { site.LookFor("p/a", {"small", kLarge, "new"}); },
       [](Site& site) { site.Upload("p/a"); },
       [](Site& site) { site.PutManifest("p/a", "v2", {"small", kLarge, "new"}); }});
}

TEST(CollectionInterleaving, APushToAnotherRepository) {
  ForEveryInterleaving({[](Site& site) { site.LookFor("p/b", {"small", kLarge}); },
                        [](Site& site) { site.Upload("p/b"); },
                        [](Site& site) { site.PutManifest("p/b", "v2", {"small", kLarge}); }});
}

TEST(CollectionInterleaving, AMount) {
  ForEveryInterleaving(
      {[](Site& site) { site.Mount("p/b", "p/a", {"small", kLarge, "kept"}); },
       [](Site& site) { site.Upload("p/b"); },
       [](Site& site) { site.PutManifest("p/b", "v2", {"small", kLarge, "kept"}); }});
}

TEST(CollectionInterleaving, ADeletionAndAPushOfTheSame) {
  ForEveryInterleaving({[](Site& site) { site.DeleteManifest("p/a", {"kept"}); },
                        [](Site& site) { site.LookFor("p/a", {"kept"}); },
                        [](Site& site) {
                          site.Upload("p/a");
                          site.PutManifest("p/a", "kept", {"kept"});
                        }});
}

TEST(CollectionInterleaving, APushBySha512) {
  ForEveryInterleaving({[](Site& site) { site.PushBySha512("p/a", "alias"); },
                        [](Site& site) { site.PushBySha512("p/b", kLarge); },
                        [](Site& site) { site.PushBySha512("p/c", "small"); }});
}

// One seed: a few clients, a collection now and then, restarts, and a clock that goes on.
class RandomRun {
 public:
  explicit RandomRun(uint64_t seed) : random_(MakeSeededRandom(seed)) {
    registry_ = std::make_unique<RegistryFixture>(stores_);
  }

  std::string Run() {
    for (int i = 0; i < 60 && violation_.empty(); ++i) Act();
    CheckManifests();
    stores_.clock.Advance(hours(3));
    collector_.reset();
    CollectAll(registry_->registry());
    CheckManifests();
    CheckNothingIsLeft();
    return violation_;
  }

 private:
  uint64_t Below(uint64_t limit) { return random_->Next() % limit; }
  void Violated(std::string what) {
    if (violation_.empty()) violation_ = std::move(what);
  }
  std::string AnyRepository() { return "p/" + std::string(1, static_cast<char>('a' + Below(3))); }
  // A third of them are files.
  std::string AnyContent() {
    const uint64_t number = Below(9);
    return number % 3 == 0 ? kLarge + std::to_string(number) : "content " + std::to_string(number);
  }
  static std::string Name(const std::string& repository, const std::string& content) {
    return repository + "@" + Digest::Of(content).text();
  }

  void Act() {
    const uint64_t choice = Below(100);
    if (choice < 35) return Step();
    if (choice < 45) return Look();
    if (choice < 58) return Upload();
    if (choice < 66) return Mount();
    if (choice < 78) return PutManifest();
    if (choice < 86) return DeleteManifest();
    if (choice < 90) return DeleteBlob();
    if (choice < 97) return stores_.clock.Advance(minutes(Below(150)));
    collector_.reset();
    registry_.reset();
    registry_ = std::make_unique<RegistryFixture>(stores_);
  }

  void Step() {
    if (!collector_) collector_ = registry_->registry().MakeCollector(false);
    for (uint64_t steps = 1 + Below(4); steps > 0; --steps) {
      const auto more = collector_->Step();
      if (!more) return Violated("a step failed: " + more.error().ToString());
      if (!*more) return collector_.reset();
    }
  }
  void Promise(const std::string& name) { promised_[name] = stores_.clock.Steady(); }
  // Whether somebody was told, less than two hours ago, that it is there.
  bool IsPromised(const std::string& name) {
    const auto found = promised_.find(name);
    return found != promised_.end() && stores_.clock.Steady() - found->second < hours(2);
  }

  void Look() {
    const std::string repository = AnyRepository();
    const std::string content = AnyContent();
    const std::string digest = Digest::Of(content).text();
    if (registry_->Head("/v2/" + repository + "/blobs/" + digest).status == 200) {
      Promise(Name(repository, content));
    } else if (IsPromised(Name(repository, content))) {
      Violated("a blob that is held is gone: " + repository);
    }
  }
  void Upload() {
    const std::string repository = AnyRepository();
    const std::string content = AnyContent();
    const bool by_sha512 = Below(4) == 0;
    const Digest digest = Digest::Of(content, by_sha512 ? kSha512 : DigestAlgorithm::kSha256);
    const int status =
        registry_->Post("/v2/" + repository + "/blobs/uploads/?digest=" + digest.text(), content)
            .status;
    if (status != 201) return Violated("an upload: " + std::to_string(status));
    if (!by_sha512) Promise(Name(repository, content));
  }
  void Mount() {
    const std::string repository = AnyRepository();
    const std::string from = AnyRepository();
    const std::string content = AnyContent();
    const int status =
        registry_
            ->Post("/v2/" + repository + "/blobs/uploads/?mount=" + Digest::Of(content).text() +
                   "&from=" + from)
            .status;
    if (status == 201) return Promise(Name(repository, content));
    if (IsPromised(Name(from, content))) Violated("a blob that is held cannot be mounted");
  }
  void PutManifest() {
    const std::string repository = AnyRepository();
    std::vector<std::string> layers;
    for (uint64_t i = Below(3); i < 3; ++i) layers.push_back(AnyContent());
    const std::string config = AnyContent();
    const std::string bytes = ManifestJson(config, layers);
    layers.push_back(config);
    bool must = true;
    for (const std::string& one : layers) must = must && IsPromised(Name(repository, one));
    const int status = registry_->Put("/v2/" + repository + "/manifests/t", bytes).status;
    if (status == 201) {
      manifests_[repository + "@" + Digest::Of(bytes).text()] = {bytes, layers};
    } else if (status != 404 || must) {
      Violated("a manifest whose blobs are held: " + std::to_string(status));
    }
  }
  void DeleteManifest() {
    if (manifests_.empty()) return;
    const auto one = std::next(manifests_.begin(), static_cast<long>(Below(manifests_.size())));
    const size_t at = one->first.find('@');
    const std::string path =
        "/v2/" + one->first.substr(0, at) + "/manifests/" + one->first.substr(at + 1);
    if (registry_->Delete(path).status != 202) Violated("a manifest is not there: " + one->first);
    manifests_.erase(one);
  }
  void DeleteBlob() {
    const std::string repository = AnyRepository();
    const std::string content = AnyContent();
    const int status =
        registry_->Delete("/v2/" + repository + "/blobs/" + Digest::Of(content).text()).status;
    if (status == 202) promised_.erase(Name(repository, content));
    if ((status == 405) != IsNamed(repository, content)) {
      Violated("a deletion of a blob: " + std::to_string(status));
    }
  }
  bool IsNamed(const std::string& repository, const std::string& content) {
    for (const auto& [name, manifest] : manifests_) {
      const auto& layers = manifest.second;
      if (name.starts_with(repository + "@") &&
          std::ranges::find(layers, content) != layers.end()) {
        return true;
      }
    }
    return false;
  }

  void CheckManifests() {
    registry_->As(ViewerOf("p"));
    for (const auto& [name, manifest] : manifests_) {
      const size_t at = name.find('@');
      const std::string repository = "/v2/" + name.substr(0, at);
      if (registry_->Get(repository + "/manifests/" + name.substr(at + 1)).body != manifest.first) {
        Violated("a manifest is lost: " + name);
      }
      for (const std::string& layer : manifest.second) {
        if (registry_->Get(repository + "/blobs/" + Digest::Of(layer).text()).body != layer) {
          Violated("a layer is lost of " + name);
        }
      }
    }
    registry_->As(AdminOfAll());
  }
  void CheckNothingIsLeft() {
    Names blobs;
    Names objects;
    for (const auto& [name, manifest] : manifests_) {
      objects.insert(name.substr(name.find('@') + 1));
      for (const std::string& layer : manifest.second) {
        blobs.insert(Name(name.substr(0, name.find('@')), layer));
        objects.insert(Digest::Of(layer).text());
      }
    }
    if (KeysWith(*stores_.meta, "registry/blob/") != blobs) Violated("blobs are left, or missing");
    if (ObjectsOf(stores_) != objects) Violated("objects are left, or missing");
    for (const std::string& alias : KeysWith(*stores_.meta, "registry/alias/")) {
      // Of bytes that are needed under their sha256.
      if (objects.empty()) Violated("an alias is left: " + alias);
    }
  }

  const std::unique_ptr<Random> random_;
  RegistryStores stores_;
  std::unique_ptr<RegistryFixture> registry_;
  std::unique_ptr<Collector> collector_;
  std::map<std::string, std::pair<std::string, std::vector<std::string>>> manifests_;
  std::map<std::string, SteadyTime> promised_;
  std::string violation_;
};

TEST(CollectionInterleaving, RandomOnesAgainstAModel) {
  const CrashSeeds seeds(2'000);
  for (uint64_t seed = seeds.begin; seed < seeds.end; ++seed) {
    ASSERT_EQ(RandomRun(seed).Run(), "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace slipway::registry
