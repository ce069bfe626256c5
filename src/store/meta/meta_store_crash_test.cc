// The SQLite meta store on a file system that forgets, tears and reorders what was not synced, cut
// at random points.
#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/testing/crash_seeds.h"
#include "base/testing/fault_file_system.h"
#include "base/testing/lying_file_system.h"
#include "base/testing/result_matchers.h"
#include "store/meta/meta_store.h"
#include "store/testing/file_system_vfs.h"

namespace slipway::store {
namespace {

constexpr uint64_t kSeeds = 2'000;
constexpr uint64_t kConcurrentSeeds = 300;
constexpr int kGenerations = 3;
constexpr uint64_t kMostChanges = 300;
constexpr char kPath[] = "/data/test.db";

// A machine: one disk, and on it one store at a time.
class Machine {
 public:
  explicit Machine(Lies lies) : lies_(lies), disk_(std::make_unique<FaultFileSystem>()) {
    EXPECT_THAT(disk_->MakeDirectories("/data", 0700), IsOk());
  }
  ~Machine() { Close(); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  Result<MetaStore*> Open() {
    Close();
    view_ = MakeLyingFileSystem(*disk_, lies_);
    vfs_ = std::make_unique<FileSystemVfs>(*view_);
    // The log is moved into the database every few commits, so that cuts hit that too.
    TRY(store, MakeSqliteMetaStore({.path = kPath,
                                    .readers = 1,
                                    .vfs = vfs_->name(),
                                    .program = "slipway",
                                    .checkpoint_pages = 12}));
    store_ = std::move(store);
    return store_.get();
  }
  void Close() {
    store_.reset();
    vfs_.reset();
  }
  // The machine lost its power, or only the program ended.
  void LosePower(uint64_t seed) {
    Close();
    disk_ = disk_->Crash(seed);
  }
  void EndProgram() {
    Close();
    disk_->RestorePower();
  }
  FaultFileSystem& disk() { return *disk_; }

 private:
  const Lies lies_;
  std::unique_ptr<FaultFileSystem> disk_;
  std::unique_ptr<FileSystem> view_;
  std::unique_ptr<FileSystemVfs> vfs_;
  std::unique_ptr<MetaStore> store_;
};

// All that a store holds.
struct Content {
  std::map<std::string, std::string> entries;
  std::vector<std::pair<uint64_t, std::string>> log;
  uint64_t version = 0;
  bool operator==(const Content&) const = default;
};

Result<Content> Read(MetaStore& store) {
  Content content;
  TRY_VOID(store.ReadNow([&](const Snapshot& s) -> Result<void> {
    TRY(entries, s.Scan("", "", 1'000'000));
    for (KeyValue& entry : entries) content.entries[entry.key] = std::move(entry.value);
    TRY(version, s.Version());
    content.version = version;
    return {};
  }));
  TRY(page, store.Changes(0, "", 1'000'000));
  for (const Change& change : page.changes) content.log.emplace_back(change.version, change.key);
  return content;
}

// One seed: several generations of the store on one machine, one mutation at a time.
class CrashRun {
 public:
  CrashRun(uint64_t seed, Lies lies) : random_(MakeSeededRandom(seed)), machine_(lies) {}

  // What went wrong first; empty if nothing did.
  std::string Run() {
    for (int generation = 0; generation < kGenerations && violation_.empty(); ++generation) {
      machine_.disk().CutPowerAfter(1 + Below(kMostChanges));
      const auto store = machine_.Open();
      if (Done(store, "the store does not open")) Work(**store);
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
  template <class T>
  bool Done(const Result<T>& result, const std::string& what) {
    if (!result && !machine_.disk().power_is_off()) {
      Violated(what + ": " + result.error().ToString());
    }
    return result.has_value();
  }

  void Work(MetaStore& store) {
    while (!machine_.disk().power_is_off() && violation_.empty()) {
      next_ = content_;
      const bool gives_up = Below(8) == 0;
      const auto mutated = store.MutateNow({}, [&](Transaction& t) -> Result<void> {
        TRY_VOID(Change(t));
        if (gives_up) return Unavailable("GAVE_UP", "this one is undone");
        return {};
      });
      if (gives_up && !mutated && mutated.error().reason() == "GAVE_UP") {
        next_ = content_;
      } else if (Done(mutated, "mutate")) {
        content_ = next_;
        ++acknowledged_;
      }
    }
  }

  // A few writes, the same in the store and in `next_`.
  Result<void> Change(Transaction& t) {
    for (uint64_t i = 0, count = 1 + Below(4); i < count; ++i) {
      const std::string key = "key/" + std::to_string(Below(30));
      if (Below(4) == 0) {
        TRY_VOID(t.Delete(key));
        next_.entries.erase(key);
      } else {
        const std::string value(Below(3'000), static_cast<char>('a' + Below(26)));
        TRY_VOID(t.Put(key, value));
        next_.entries[key] = value;
      }
      TRY(version, t.NextVersion());
      next_.version = version;
      TRY_VOID(t.LogChange(version, key, "", false));
      next_.log.emplace_back(version, key);
    }
    return {};
  }

  // The last acknowledged state, or that of the mutation which was cut off: all of it or nothing.
  void Verify() {
    if (!violation_.empty()) return;
    const auto store = machine_.Open();
    if (!Done(store, "the store does not open again")) return;
    const auto found = Read(**store);
    if (!Done(found, "read")) return;
    if (*found != content_ && *found != next_) {
      return Violated("found version " + std::to_string(found->version) + ", acknowledged were " +
                      std::to_string(content_.version));
    }
    content_ = next_ = *found;
    Done((*store)->MutateNow({}, [&](Transaction& t) { return Change(t); }), "mutate again");
    content_ = next_;
    const auto again = Read(**store);
    if (Done(again, "read again") && *again != content_) Violated("a new mutation is not there");
    machine_.Close();
  }

  const std::unique_ptr<Random> random_;
  Machine machine_;
  std::string violation_;
  size_t acknowledged_ = 0;
  Content content_;  // after what was acknowledged
  Content next_;     // after what runs
};

uint64_t CountViolations(const CrashSeeds& seeds, Lies lies) {
  uint64_t count = 0;
  for (uint64_t seed = seeds.begin; seed < seeds.end; ++seed) {
    if (!CrashRun(seed, lies).Run().empty()) ++count;
  }
  return count;
}

TEST(MetaStoreCrashTest, KeepsWhatWasAcknowledgedAndShowsNothingHalfDone) {
  const CrashSeeds seeds(kSeeds);
  size_t acknowledged = 0;
  for (uint64_t seed = seeds.begin; seed < seeds.end; ++seed) {
    CrashRun run(seed, {});
    ASSERT_EQ(run.Run(), "") << "seed " << seed;
    acknowledged += run.acknowledged();
  }
  ReportSummary(fmt::format("meta store: {} seeds from {}, {} acknowledged mutations, 0 violations",
                            seeds.count(), seeds.begin, acknowledged));
}

// The suite above can fail: it finds a store whose disk does not sync.
TEST(MetaStoreCrashTest, FindsAStoreThatDoesNotSync) {
  const CrashSeeds seeds(300);
  const uint64_t files = CountViolations(seeds, {.file_sync = true});
  const uint64_t folders = CountViolations(seeds, {.directory_sync = true});
  ReportSummary(
      fmt::format("meta store that lies: of {} seeds, {} violations without file syncs, {} "
                  "without folder syncs",
                  seeds.count(), files, folders));
  EXPECT_GT(files, seeds.count() / 4);
  EXPECT_GT(folders, 0u);
}

// Mutations that share commits: each thread writes two keys at once, the same number in both.
void WriteUntilCut(MetaStore& store, int thread, std::atomic<int>& acknowledged) {
  const std::string name = std::to_string(thread);
  for (int number = 1;; ++number) {
    const std::string text = std::to_string(number);
    const auto done = store.MutateNow({}, [&](Transaction& t) -> Result<void> {
      TRY_VOID(t.Put("a/" + name, text));
      TRY_VOID(t.NextVersion());
      return t.Put("b/" + name, text);
    });
    if (!done) return;
    acknowledged = number;
  }
}

TEST(MetaStoreCrashTest, KeepsEveryMutationOfASharedCommit) {
  constexpr int kThreads = 4;
  const CrashSeeds seeds(kConcurrentSeeds);
  uint64_t total = 0;
  for (uint64_t seed = seeds.begin; seed < seeds.end; ++seed) {
    const auto random = MakeSeededRandom(seed);
    Machine machine({});
    std::array<std::atomic<int>, kThreads> acknowledged{};
    {
      const auto store = machine.Open();
      ASSERT_THAT(store, IsOk());
      machine.disk().CutPowerAfter(1 + random->Next() % kMostChanges);
      std::vector<std::thread> threads;
      for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] { WriteUntilCut(**store, t, acknowledged[t]); });
      }
      for (std::thread& thread : threads) thread.join();
    }
    machine.LosePower(random->Next());
    const auto store = machine.Open();
    ASSERT_THAT(store, IsOk()) << "seed " << seed;
    const auto found = Read(**store);
    ASSERT_THAT(found, IsOk()) << "seed " << seed;
    for (int t = 0; t < kThreads; ++t) {
      const auto number = [&](const std::string& key) {
        const auto entry = found->entries.find(key + std::to_string(t));
        return entry == found->entries.end() ? 0 : std::stoi(entry->second);
      };
      ASSERT_GE(number("a/"), acknowledged[t]) << "seed " << seed;
      ASSERT_LE(number("a/"), acknowledged[t] + 1) << "seed " << seed;
      ASSERT_EQ(number("a/"), number("b/")) << "seed " << seed;
      total += static_cast<uint64_t>(acknowledged[t]);
    }
  }
  ReportSummary(
      fmt::format("meta store, {} threads: {} seeds from {}, {} acknowledged mutations, "
                  "0 violations",
                  kThreads, seeds.count(), seeds.begin, total));
}

TEST(MetaStoreCrashTest, SaysThatTheDiskIsFullAndGoesOnWhenItIsNot) {
  const std::string value(20'000, 'x');
  for (uint64_t room = 0; room < 400'000; room += 17'001) {
    Machine machine({});
    auto store = machine.Open();
    ASSERT_THAT(store, IsOk());
    ASSERT_THAT((*store)->MutateNow({}, [](Transaction& t) { return t.Put("kept", "1"); }), IsOk());
    machine.disk().SetCapacity(machine.disk().used_bytes() + room);
    int acknowledged = 0;
    Result<void> done;
    while (done) {
      done = (*store)->MutateNow(
          {}, [&](Transaction& t) { return t.Put("key/" + std::to_string(acknowledged), value); });
      if (done) ++acknowledged;
    }
    ASSERT_THAT(done, IsError(Code::kResourceExhausted, "DISK_FULL")) << room;
    EXPECT_EQ(Read(**store)->entries.size(), 1u + acknowledged) << "readers go on";
    if (room % 2 == 0) machine.LosePower(room);

    machine.disk().SetCapacity(100'000'000);
    if (room % 2 == 0) store = machine.Open();
    ASSERT_THAT(store, IsOk()) << room;
    ASSERT_THAT((*store)->MutateNow({}, [](Transaction& t) { return t.Put("later", "1"); }),
                IsOk());
    EXPECT_EQ(Read(**store)->entries.size(), 2u + acknowledged) << room;
  }
}

// SQLite rolls a batch back when it cannot go on; each of its mutations gets the error, and those
// that wait behind it are tried for themselves.
TEST(MetaStoreCrashTest, AnswersEveryMutationOfABatchThatDoesNotFit) {
  Machine machine({});
  const auto store = machine.Open();
  ASSERT_THAT(store, IsOk());
  machine.disk().SetCapacity(machine.disk().used_bytes() + 100'000);
  std::atomic<int> acknowledged = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      const auto done = (*store)->MutateNow({}, [t](Transaction& transaction) {
        return transaction.Put("key/" + std::to_string(t), std::string(30'000, 'x'));
      });
      if (done) {
        ++acknowledged;
      } else {
        EXPECT_THAT(done, IsError(Code::kResourceExhausted, "DISK_FULL"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LT(acknowledged, 8);
  EXPECT_EQ(Read(**store)->entries.size(), static_cast<size_t>(acknowledged));
}

TEST(MetaStoreCrashTest, AcknowledgesNothingWhoseSyncFailed) {
  Machine machine({});
  const auto store = machine.Open();
  ASSERT_THAT(store, IsOk());
  const auto put = [&](const char* key) {
    return (*store)->MutateNow({}, [key](Transaction& t) { return t.Put(key, "1"); });
  };
  ASSERT_THAT(put("before"), IsOk());
  machine.disk().FailNextSync();
  EXPECT_FALSE(put("failed").has_value());
  ASSERT_THAT(put("after"), IsOk());
  EXPECT_EQ(Read(**store)->entries.size(), 2u);
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto survived = machine.disk().Crash(seed);
    const FileSystemVfs vfs(*survived);
    const auto again = MakeSqliteMetaStore({.path = kPath, .vfs = vfs.name()});
    ASSERT_THAT(again, IsOk());
    const auto found = Read(**again);
    EXPECT_TRUE(found->entries.contains("before"));
    EXPECT_TRUE(found->entries.contains("after")) << "seed " << seed;
  }
}

}  // namespace
}  // namespace slipway::store
