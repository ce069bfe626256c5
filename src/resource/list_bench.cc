// A page of 500 out of 10^6 services, of one project, of all, and by a label.
#include <benchmark/benchmark.h>

#include "async/testing/run.h"
#include "base/check.h"
#include "resource/list.h"
#include "resource/testing/test_store.h"

namespace slipway::resource {
namespace {

constexpr size_t kObjects = 1'000'000;
constexpr size_t kPerTransaction = 10'000;

TestStore& FullStore() {
  static TestStore& store = *[] {
    auto* made = new TestStore();
    for (size_t begin = 0; begin < kObjects; begin += kPerTransaction) {
      CHECK(made->resources()
                .TransactNow(TestStore::As("bench"),
                             [&](ResourceTransaction& transaction) -> Result<void> {
                               for (size_t i = begin; i < begin + kPerTransaction; ++i) {
                                 Resource service =
                                     TestStore::WantedService("s" + std::to_string(i));
                                 service.metadata.labels["tenth"] = std::to_string(i % 10);
                                 TRY_VOID(transaction.Create(std::move(service)));
                               }
                               return {};
                             })
                .has_value());
    }
    return made;
  }();
  return store;
}

// Pages in the middle of the list.
void ListPages(benchmark::State& state, const ListOptions& options) {
  TestStore& store = FullStore();
  ListOptions next = options;
  for (auto _ : state) {
    Result<ListPage> page = store.TryList("Service", "default", next);
    CHECK(page.has_value());
    next.continue_token = page->continue_token;
    benchmark::DoNotOptimize(page);
  }
}

BENCHMARK_CAPTURE(ListPages, plain, ListOptions{})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ListPages, by_label, ListOptions{.label = "tenth=7"})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ListPages, unindexed, ListOptions{.label = "tenth!=7"})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ListPages, one, ListOptions{.limit = 1})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace slipway::resource
