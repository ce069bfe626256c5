// Pushes, deletions and collections on a disk that forgets, tears and reorders what was not synced,
// cut at random points: never a row without bytes, and what is left over is collected afterwards.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/testing/crash_seeds.h"
#include "base/testing/fault_file_system.h"
#include "base/testing/lying_file_system.h"
#include "base/testing/result_matchers.h"
#include "registry/limits.h"
#include "registry/references.h"
#include "registry/testing/stored_content.h"
#include "store/testing/file_system_vfs.h"

namespace slipway::registry {
namespace {

constexpr uint64_t kSeeds = 300;
constexpr int kGenerations = 3;
constexpr uint64_t kMostChanges = 400;

const std::string kLarge(kMaxInlineBytes + 1, 'l');

// One disk, and on it one registry at a time.
class Machine {
 public:
  explicit Machine(Lies lies) : lies_(lies), disk_(std::make_unique<FaultFileSystem>()) {
    EXPECT_THAT(disk_->MakeDirectories("/data", 0700), IsOk());
  }
  ~Machine() { Close(); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  void Open() {
    Close();
    view_ = MakeLyingFileSystem(*disk_, lies_);
    vfs_ = std::make_unique<store::FileSystemVfs>(*view_);
    stores_ = std::make_unique<RegistryStores>();
    stores_->hold = {};
    auto meta = store::MakeSqliteMetaStore({.path = "/data/test.db",
                                            .readers = 1,
                                            .vfs = vfs_->name(),
                                            .program = "slipway",
                                            .checkpoint_pages = 12});
    auto objects = store::MakeLocalObjectStore(*view_, "/data");
    if (!meta || !objects) {  // the power went off
      meta = Unavailable("CLOSED", "before what it stands on");
      return Close();
    }
    stores_->meta = std::move(*meta);
    stores_->objects = std::move(*objects);
    if (!BuildReferences(*stores_->meta, *stores_->objects)) return Close();
    if (disk_->power_is_off()) return Close();
    registry_ = std::make_unique<RegistryFixture>(*stores_);
  }
  void Close() {
    registry_.reset();
    stores_.reset();
    vfs_.reset();
  }
  void LosePower(uint64_t seed) {
    Close();
    disk_ = disk_->Crash(seed);
  }
  void EndProgram() {
    Close();
    disk_->RestorePower();
  }
  void Take(std::unique_ptr<FaultFileSystem> disk) { disk_ = std::move(disk); }
  FaultFileSystem& disk() { return *disk_; }
  RegistryFixture* registry() { return registry_.get(); }
  RegistryStores& stores() { return *stores_; }

 private:
  const Lies lies_;
  std::unique_ptr<FaultFileSystem> disk_;
  std::unique_ptr<FileSystem> view_;
  std::unique_ptr<store::FileSystemVfs> vfs_;
  std::unique_ptr<RegistryStores> stores_;
  std::unique_ptr<RegistryFixture> registry_;
};

class CrashRun {
 public:
  CrashRun(uint64_t seed, Lies lies) : random_(MakeSeededRandom(seed)), machine_(lies) {}

  // What went wrong first; empty if nothing did.
  std::string Run() {
    for (int generation = 0; generation < kGenerations && violation_.empty(); ++generation) {
      machine_.Open();
      if (machine_.registry() == nullptr) return "it does not open";
      machine_.disk().CutPowerAfter(1 + Below(kMostChanges));
      while (!machine_.disk().power_is_off()) Act();
      collector_.reset();
      if (Below(3) == 0) {
        machine_.EndProgram();
      } else {
        machine_.LosePower(random_->Next());
      }
      Verify();
    }
    return violation_;
  }
  size_t acknowledged() const { return acknowledged_; }

 private:
  uint64_t Below(uint64_t limit) { return random_->Next() % limit; }
  void Violated(std::string what) {
    if (violation_.empty()) violation_ = std::move(what);
  }
  std::string AnyRepository() { return Below(2) == 0 ? "p/a" : "p/b"; }
  std::string AnyContent() {
    const uint64_t number = Below(6);
    return number % 2 == 0 ? kLarge + std::to_string(number) : "content " + std::to_string(number);
  }

  void Act() {
    const uint64_t choice = Below(10);
    if (choice < 4) return Step();
    if (choice < 6) return Push();
    if (choice < 8) return DeleteManifest();
    Upload(AnyRepository(), AnyContent(), Below(4) == 0);
  }
  void Step() {
    if (!collector_) collector_ = machine_.registry()->registry().MakeCollector(false);
    const auto more = collector_->Step();
    if (!more || !*more) collector_.reset();
  }
  bool Upload(const std::string& repository, const std::string& content, bool by_sha512) {
    const auto algorithm = by_sha512 ? DigestAlgorithm::kSha512 : DigestAlgorithm::kSha256;
    return machine_.registry()
               ->Post("/v2/" + repository +
                          "/blobs/uploads/?digest=" + Digest::Of(content, algorithm).text(),
                      content)
               .status == 201;
  }
  void Push() {
    const std::string repository = AnyRepository();
    const std::vector<std::string> layers = {AnyContent(), AnyContent()};
    for (const std::string& layer : layers) {
      if (!Upload(repository, layer, false)) return;
      if (Below(2) == 0) Step();  // nothing is held: it may go again
    }
    const std::string bytes = ManifestJson(layers[0], {layers[1]});
    const std::string name = repository + "@" + Digest::Of(bytes).text();
    const int status = machine_.registry()->Put("/v2/" + repository + "/manifests/t", bytes).status;
    if (status != 201) return;
    manifests_[name] = {bytes, layers};
    ++acknowledged_;
  }
  void DeleteManifest() {
    if (manifests_.empty()) return;
    const auto one = std::next(manifests_.begin(), static_cast<long>(Below(manifests_.size())));
    const size_t at = one->first.find('@');
    machine_.registry()->Delete("/v2/" + one->first.substr(0, at) + "/manifests/" +
                                one->first.substr(at + 1));
    manifests_.erase(one);
  }

  void Verify() {
    machine_.Open();
    if (machine_.registry() == nullptr) return Violated("it does not open again");
    for (const auto& [name, manifest] : manifests_) {
      const size_t at = name.find('@');
      const std::string repository = "/v2/" + name.substr(0, at);
      const std::string path = repository + "/manifests/" + name.substr(at + 1);
      if (machine_.registry()->Get(path).body != manifest.first) {
        return Violated("an acknowledged manifest is lost");
      }
      for (const std::string& layer : manifest.second) {
        const std::string blob = repository + "/blobs/" + Digest::Of(layer).text();
        if (machine_.registry()->Get(blob).body != layer) return Violated("a layer is lost");
      }
    }
    VerifyRows("registry/blob/", "blobs");
    VerifyRows("registry/manifest/", "manifests");
    if (!violation_.empty()) return;
    CollectAll(machine_.registry()->registry());
    VerifyNothingIsLeft();
  }
  // Every row has its bytes.
  void VerifyRows(const std::string& prefix, const std::string& kind) {
    for (const std::string& name : KeysWith(*machine_.stores().meta, prefix)) {
      const size_t at = name.find('@');
      const Digest digest = *Digest::Parse(name.substr(at + 1));
      const TestResponse response =
          machine_.registry()->Get("/v2/" + name.substr(0, at) + "/" + kind + "/" + digest.text());
      if (response.status != 200 || Digest::Of(response.body, digest.algorithm()) != digest) {
        Violated("a row without its bytes: " + name);
      }
    }
  }
  void VerifyNothingIsLeft() {
    std::set<std::string> needed;
    store::MetaStore& meta = *machine_.stores().meta;
    for (const char* prefix : {"registry/blob/", "registry/manifest/"}) {
      for (const std::string& name : KeysWith(meta, prefix)) {
        needed.insert(name.substr(name.find('@') + 1));
      }
    }
    if (ObjectsOf(machine_.stores()) != needed) Violated("objects are left over");
  }

  const std::unique_ptr<Random> random_;
  Machine machine_;
  std::unique_ptr<Collector> collector_;
  std::map<std::string, std::pair<std::string, std::vector<std::string>>> manifests_;
  std::string violation_;
  size_t acknowledged_ = 0;
};

TEST(CollectionCrash, NeverLeavesARowWithoutBytes) {
  const CrashSeeds seeds(kSeeds);
  size_t acknowledged = 0;
  for (uint64_t seed = seeds.begin; seed < seeds.end; ++seed) {
    CrashRun run(seed, {});
    ASSERT_EQ(run.Run(), "") << "seed " << seed;
    acknowledged += run.acknowledged();
  }
  ReportSummary(fmt::format("collection: {} seeds from {}, {} acknowledged manifests, 0 violations",
                            seeds.count(), seeds.begin, acknowledged));
}

// Index rows of older data: cut at every change, gone on with afterwards, they are as they should.
TEST(CollectionCrash, IndexRowsAreMadeInSpiteOfCrashes) {
  const char* const kIndexes[] = {"registry/used/", "registry/names/", "registry/user/",
                                  "registry/other/", "registry/format"};
  Machine machine({});
  machine.Open();
  for (size_t i = 0; i < kIndexedTogether + 10; ++i) {
    const std::string layer = "layer " + std::to_string(i);
    machine.registry()->PushBlob("p/a", layer);
    machine.registry()->PushManifest("p/a", "t" + std::to_string(i), ManifestJson(layer, {}));
  }
  machine.registry()->PushBlob("p/a", "by sha512", DigestAlgorithm::kSha512);
  const auto expected = KeysWith(*machine.stores().meta, "registry/");
  ASSERT_THAT(machine.stores().meta->MutateNow(
                  CallContext::System("test"),
                  [&](store::Transaction& transaction) -> Result<void> {
                    for (const char* prefix : kIndexes) {
                      TRY(rows, transaction.Scan(prefix, store::PrefixEnd(prefix), 10'000));
                      for (const store::KeyValue& row : rows) {
                        TRY_VOID(transaction.Delete(row.key));
                      }
                    }
                    return {};
                  }),
              IsOk());
  machine.Close();
  bool was_whole = false;
  for (uint64_t step = 1; !was_whole; ++step) {
    Machine copy({});
    copy.Take(machine.disk().Crash(1));
    copy.disk().CutPowerAfter(step);
    copy.Open();
    was_whole = !copy.disk().power_is_off();
    copy.LosePower(step);
    copy.Open();
    ASSERT_NE(copy.registry(), nullptr) << step;
    ASSERT_EQ(KeysWith(*copy.stores().meta, "registry/"), expected) << "cut at " << step;
  }
}

}  // namespace
}  // namespace slipway::registry
