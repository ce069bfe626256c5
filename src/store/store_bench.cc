// What the stores cost, next to what the disk itself costs: build/release/store_bench.
#include <atomic>
#include <cstdlib>
#include <string>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "base/testing/temporary_folder.h"
#include "store/meta/meta_store.h"
#include "store/object/object_store.h"

namespace slipway::store {
namespace {

constexpr size_t kPage = 4096;
constexpr int64_t kListed = 200'000;

std::string KeyOf(int64_t number) {
  const std::string digits = std::to_string(number);
  return "list/" + std::string(9 - digits.size(), '0') + digits;
}

// The floor of everything that is acknowledged: one page written and synced.
void DiskSync(benchmark::State& state) {
  const TemporaryFolder folder;
  const auto file = *PosixFileSystem().Open(folder / "a", {.write = true, .create = true});
  const std::string page(kPage, 'x');
  uint64_t offset = 0;
  for (auto _ : state) {
    CHECK(file->WriteAt(offset, page).has_value());
    CHECK(file->Sync().has_value());
    offset += page.size();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(DiskSync)->UseRealTime();

// One database for all benchmarks, and for all threads of one.
MetaStore& SharedStore() {
  static const TemporaryFolder folder;
  static const std::unique_ptr<MetaStore> store =
      *MakeSqliteMetaStore({.path = folder / "bench.db"});
  return *store;
}

// A change as a resource's is: entry, version, log. Threads share commits: with N of them, up to N
// changes per sync of the disk.
void Mutate(benchmark::State& state) {
  MetaStore& store = SharedStore();
  const std::string value(700, 'v');
  const std::string key = "mutate/" + std::to_string(state.thread_index());
  for (auto _ : state) {
    const auto done = store.MutateNow({}, [&](Transaction& t) -> Result<void> {
      TRY(version, t.NextVersion());
      TRY_VOID(t.Put(key, value));
      return t.LogChange(version, key, value, false);
    });
    CHECK(done.has_value());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Mutate)->UseRealTime()->Threads(1)->Threads(4)->Threads(16)->Threads(64);

// Entries to list, made once.
void FillList(MetaStore& store) {
  static const bool filled = [&] {
    const std::string value(700, 'v');
    for (int64_t begin = 0; begin < kListed; begin += 10'000) {
      const auto done = store.MutateNow({}, [&](Transaction& t) -> Result<void> {
        for (int64_t i = begin; i < begin + 10'000; ++i) TRY_VOID(t.Put(KeyOf(i), value));
        return {};
      });
      CHECK(done.has_value());
    }
    return true;
  }();
  CHECK(filled);
}

void Get(benchmark::State& state) {
  MetaStore& store = SharedStore();
  FillList(store);
  int64_t number = 0;
  for (auto _ : state) {
    number = (number + 7'919) % kListed;
    const auto done = store.ReadNow([&](const Snapshot& s) -> Result<void> {
      TRY(value, s.Get(KeyOf(number)));
      CHECK(value.has_value());
      return {};
    });
    CHECK(done.has_value());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Get)->UseRealTime();

// One page of a list, anywhere in it.
void ScanPage(benchmark::State& state) {
  MetaStore& store = SharedStore();
  FillList(store);
  int64_t number = 0;
  for (auto _ : state) {
    number = (number + 79'190) % (kListed - 500);
    const auto done = store.ReadNow([&](const Snapshot& s) -> Result<void> {
      TRY(entries, s.Scan(KeyOf(number), "list0", 500));
      CHECK(entries.size() == 500);
      return {};
    });
    CHECK(done.has_value());
  }
  state.SetItemsProcessed(state.iterations() * 500);
}
BENCHMARK(ScanPage)->UseRealTime();

// Hashing, two syncs (spool and folder) and a rename.
void PutNewObject(benchmark::State& state) {
  const TemporaryFolder folder;
  const auto store = *MakeLocalObjectStore(PosixFileSystem(), folder.path());
  std::string content(static_cast<size_t>(state.range(0)), 'x');
  uint64_t number = 0;
  for (auto _ : state) {
    ++number;
    content.replace(0, sizeof(number), reinterpret_cast<const char*>(&number), sizeof(number));
    CHECK(PutObject(*store, content).has_value());
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(PutNewObject)->UseRealTime()->Arg(1 << 10)->Arg(1 << 20)->Arg(16 << 20);

}  // namespace
}  // namespace slipway::store
