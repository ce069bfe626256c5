// What one changed service costs at a site with many: from the write to the desired state that has
// it, which the agent waits for.
#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include "async/core_pool.h"
#include "async/testing/run.h"
#include "base/check.h"
#include "controller/service/plan.h"
#include "controller/site/site_desk.h"
#include "resource/testing/test_store.h"

namespace slipway::controller {
namespace {

using resource::Resource;
using resource::ResourceTransaction;
using resource::TestStore;

constexpr int64_t kRevisions = 3;
const std::string kDigest = "sha256:" + std::string(64, 'a');

Result<void> MakeService(ResourceTransaction& transaction, const std::string& name) {
  TRY(service, transaction.Create(TestStore::WantedService(name)));
  resource::ServiceStatus status;
  status.latest_revision = status.ready_revision = kRevisions;
  TRY_VOID(transaction.UpdateStatus(KeyOf(service), Encode(status)));
  for (int64_t number = 1; number <= kRevisions; ++number) {
    Resource revision{.kind = "Revision"};
    revision.metadata.project = "default";
    revision.metadata.name = RevisionName(name, number);
    revision.metadata.owners = {{"Service", name, service.metadata.uid}};
    revision.spec = Encode(resource::RevisionSpec{.service = name,
                                                  .number = number,
                                                  .predictor = {.model = "m@" + kDigest},
                                                  .repository = "default/m",
                                                  .manifest_digest = kDigest});
    TRY_VOID(transaction.Create(std::move(revision)));
  }
  return {};
}

void OneOfManyChanges(benchmark::State& state) {
  TestStore store;
  auto change = [&](const std::function<Result<void>(ResourceTransaction&)>& body) {
    CHECK(store.resources().TransactNow(TestStore::As("bench"), body).has_value());
  };
  change([&](ResourceTransaction& transaction) -> Result<void> {
    for (int64_t i = 0; i < state.range(0); ++i) {
      TRY_VOID(MakeService(transaction, "s" + std::to_string(i)));
    }
    return {};
  });
  CorePool cores(1);
  SiteDesk desk(cores.executor(0), store.resources());
  desk.Start();
  runtime::DesiredState desired;
  do {
    desired = RunSync(desk.Desired(desired.version)).value();
  } while (desired.services.size() < static_cast<size_t>(state.range(0)));
  bool anonymous = false;
  for (auto _ : state) {
    anonymous = !anonymous;
    change([&](ResourceTransaction& transaction) -> Result<void> {
      TRY(service, transaction.Get({"Service", "default", "s0"}));
      service.spec["access"] = anonymous ? "anonymous" : "token";
      TRY_VOID(transaction.Update(std::move(service)));
      return {};
    });
    desired = RunSync(desk.Desired(desired.version)).value();
  }
  RunToEnd(desk.Stop());
}
BENCHMARK(OneOfManyChanges)->Arg(10)->Arg(2'000)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace slipway::controller
