// Collections and scrubs keep to their rates: counted on a clock that moves only when they sleep.
#include <boost/asio/this_coro.hpp>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "async/testing/run.h"
#include "base/testing/result_matchers.h"
#include "registry/limits.h"
#include "registry/testing/registry_fixture.h"

namespace slipway::registry {
namespace {

using std::chrono::milliseconds;

class PaceTest : public ::testing::Test {
 protected:
  PaceTest() {
    RegistryFixture registry(stores_);
    for (int i = 0; i < kBlobs; ++i) {
      const std::string content = "blob " + std::to_string(i);
      registry.PushBlob("p/a", content);
      registry.PushManifest("p/a", "t" + std::to_string(i), ManifestJson(content, {}));
    }
  }
  RegistryOptions Options() {
    RegistryOptions options{.meta = stores_.meta.get(),
                            .objects = stores_.objects.get(),
                            .pool = &pool_,
                            .clock = &stores_.clock,
                            .random = stores_.random.get()};
    options.hold = milliseconds(0);
    options.collection_interval = milliseconds(0);
    options.scrub_interval = milliseconds(0);
    options.sleep = [this](milliseconds duration) { return Sleep(duration); };
    return options;
  }
  Task<bool> Sleep(milliseconds duration) {
    stores_.clock.Advance(duration);
    slept_ += duration;
    co_return true;
  }
  Json RowOf(std::string_view key) {
    Json row;
    EXPECT_THAT(stores_.meta->ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
      TRY(text, snapshot.Get(key));
      if (text) row = ParseJson(*text).value();
      return {};
    }),
                IsOk());
    return row;
  }
  Task<void> RunUntil(RegistryOptions options, std::function<bool()> is_done) {
    const auto registry = Registry::Open(std::move(options));
    EXPECT_THAT(registry, IsOk());
    (*registry)->Start(co_await asio::this_coro::executor);
    while (!is_done()) co_await SleepFor(milliseconds(1));
    co_await (*registry)->Stop();
  }
  // The rate is kept on average, to the step that is too short to sleep for; nobody waits after the
  // last step.
  void ExpectPace(uint64_t work, uint64_t last_step, uint64_t rate) {
    const auto due = static_cast<int64_t>(work * 1000 / rate);
    EXPECT_LE(slept_.count(), due);
    EXPECT_GE(slept_.count(), due - static_cast<int64_t>(last_step * 1000 / rate) - 10);
    EXPECT_GT(work, 2 * last_step) << "else little is shown";
  }

  static constexpr int kBlobs = 300;
  RegistryStores stores_;
  BlockingPool pool_{1};
  milliseconds slept_{0};
};

TEST_F(PaceTest, ACollectionLooksAtSoManyRowsASecond) {
  RegistryOptions options = Options();
  options.collection_interval = std::chrono::hours(1);
  options.collection_rate = 20;
  RunSync(RunUntil(std::move(options), [&] { return !RowOf("registry/collection").is_null(); }));
  const Json report = RowOf("registry/collection");
  EXPECT_GE(report["examined"].get<uint64_t>(), uint64_t{kBlobs});
  ExpectPace(report["examined"].get<uint64_t>(), kCollectedPage, 20);
}

TEST_F(PaceTest, AScrubReadsSoManyBytesASecond) {
  RegistryOptions options = Options();
  options.scrub_interval = std::chrono::hours(1);
  const uint64_t rate = 10 * kLeastScrubbed;
  options.scrub_rate = rate;
  RunSync(
      RunUntil(std::move(options), [&] { return RowOf("registry/scrub").contains("finishedAt"); }));
  // Each counts as kLeastScrubbed, and so does the look that finds no more.
  const Json pass = RowOf("registry/scrub");
  EXPECT_GE(pass["objects"].get<uint64_t>(), uint64_t{kBlobs});
  ExpectPace((pass["objects"].get<uint64_t>() + 1) * kLeastScrubbed, 0, rate);
}

TEST_F(PaceTest, WithoutARateNothingWaits) {
  RegistryOptions options = Options();
  options.collection_interval = options.scrub_interval = std::chrono::hours(1);
  options.collection_rate = options.scrub_rate = 0;
  RunSync(RunUntil(std::move(options), [&] {
    return !RowOf("registry/collection").is_null() &&
           RowOf("registry/scrub").contains("finishedAt");
  }));
  EXPECT_EQ(slept_.count(), 0);
}

}  // namespace
}  // namespace slipway::registry
