// The desk over a real resource store.
#include "controller/site/site_desk.h"

#include <chrono>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "async/core_pool.h"
#include "async/deadline.h"
#include "async/task_group.h"
#include "async/testing/run.h"
#include "controller/service/plan.h"
#include "resource/bootstrap.h"
#include "resource/testing/test_store.h"
#include "resource/token_store.h"

namespace slipway::controller {
namespace {

using resource::Key;
using resource::Resource;
using resource::ResourceTransaction;
using std::chrono::milliseconds;

const std::string kDigest = "sha256:" + std::string(64, 'a');
const Key kFirst{"Revision", "default", "fraud-1"};

class SiteDeskTest : public ::testing::Test {
 public:
  SiteDeskTest()
      : meta_(store::MakeMemoryMetaStore()),
        store_(*meta_, SystemClock(), SystemRandom()),
        cores_(1),
        desk_(cores_.executor(0), store_) {
    EXPECT_TRUE(resource::Bootstrap(store_).has_value());
    desk_.Start();
  }
  ~SiteDeskTest() override { RunToEnd(desk_.Stop()); }

 protected:
  void Change(const std::function<Result<void>(ResourceTransaction&)>& body) {
    auto changed = store_.TransactNow(CallContext::System("test"), body);
    ASSERT_TRUE(changed.has_value()) << changed.error().ToString();
  }

  // A service with one revision, as the Service controller makes them.
  void MakeService() {
    Change([](ResourceTransaction& transaction) -> Result<void> {
      Resource service{.kind = "Service"};
      service.metadata.project = "default";
      service.metadata.name = "fraud";
      service.spec = {{"predictor", {{"model", "default/fraud@" + kDigest}}}, {"access", "token"}};
      TRY(made, transaction.Create(service));
      resource::ServiceStatus status;
      status.latest_revision = 1;
      TRY(updated, transaction.UpdateStatus({"Service", "default", "fraud"}, Encode(status)));
      (void)updated;
      Resource revision{.kind = "Revision"};
      revision.metadata.project = "default";
      revision.metadata.name = kFirst.name;
      revision.metadata.owners = {{"Service", "fraud", made.metadata.uid}};
      revision.spec = Encode(resource::RevisionSpec{.service = "fraud",
                                                    .number = 1,
                                                    .predictor = {.model = "fraud@" + kDigest},
                                                    .repository = "default/fraud",
                                                    .manifest_digest = kDigest});
      TRY(created, transaction.Create(revision));
      (void)created;
      return {};
    });
  }

  runtime::DesiredState Desired(uint64_t known) {
    auto desired = RunSync(desk_.Desired(known));
    EXPECT_TRUE(desired.has_value()) << desired.error().ToString();
    return *desired;
  }
  // The first state with a service that has a revision.
  runtime::DesiredState DesiredWithRevision() {
    runtime::DesiredState desired;
    do {
      desired = Desired(desired.version);
    } while (desired.services.empty() || desired.services[0].revisions.empty());
    return desired;
  }
  Resource Get(const Key& key) { return *RunSync(store_.Get(key)); }

  std::unique_ptr<store::MetaStore> meta_;
  resource::ResourceStore store_;
  CorePool cores_;
  SiteDesk desk_;
};

TEST_F(SiteDeskTest, StoreWithoutServicesHasADesiredStateToo) {
  runtime::DesiredState desired = Desired(0);
  EXPECT_NE(desired.version, 0U);
  EXPECT_TRUE(desired.services.empty());
}

TEST_F(SiteDeskTest, NewRevisionIsHandedOut) {
  MakeService();
  runtime::DesiredState desired = DesiredWithRevision();
  EXPECT_EQ(desired.services[0].name, "fraud");
  EXPECT_EQ(desired.services[0].access, "token");
  EXPECT_EQ(desired.services[0].revisions[0].name, "fraud-1");
  EXPECT_EQ(desired.services[0].revisions[0].manifest_digest, kDigest);
  EXPECT_EQ(desired.services[0].revisions[0].uid, Get(kFirst).metadata.uid);
}

TEST_F(SiteDeskTest, EachServiceGoesAndComesByItself) {
  MakeService();
  runtime::DesiredState desired = DesiredWithRevision();
  Change([](ResourceTransaction& transaction) -> Result<void> {
    Resource service = resource::TestStore::WantedService("second");
    TRY_VOID(transaction.Create(std::move(service)));
    return {};
  });
  desired = Desired(desired.version);
  ASSERT_EQ(desired.services.size(), 2U);
  EXPECT_EQ(desired.services[0].revisions.size(), 1U);
  EXPECT_EQ(desired.services[1].name, "second");
  Change([](ResourceTransaction& transaction) {
    return transaction.Delete({"Service", "default", "fraud"});
  });
  desired = Desired(desired.version);
  ASSERT_EQ(desired.services.size(), 1U);
  EXPECT_EQ(desired.services[0].name, "second");
}

TEST_F(SiteDeskTest, AProjectsRuleReachesAllItsServices) {
  MakeService();
  Change([](ResourceTransaction& transaction) -> Result<void> {
    TRY(service, transaction.Get({"Service", "default", "fraud"}));
    service.spec["access"] = "anonymous";
    TRY_VOID(transaction.Update(std::move(service)));
    return {};
  });
  runtime::DesiredState desired;
  do {
    desired = Desired(desired.version);
  } while (desired.services.empty() || desired.services[0].access != "anonymous");
  Change([](ResourceTransaction& transaction) -> Result<void> {
    TRY(project, transaction.Get({"Project", "", "default"}));
    project.spec["allowAnonymous"] = false;
    TRY_VOID(transaction.Update(std::move(project)));
    return {};
  });
  do {
    desired = Desired(desired.version);
  } while (desired.services[0].access != "token");
}

TEST_F(SiteDeskTest, ADeskThatStartsLaterKnowsAllAtOnce) {
  MakeService();
  Change([](ResourceTransaction& transaction) -> Result<void> {
    Resource service = resource::TestStore::WantedService("second");
    TRY_VOID(transaction.Create(std::move(service)));
    return {};
  });
  SiteDesk later(cores_.executor(0), store_);
  later.Start();
  const auto first = RunSync(later.Desired(0));
  RunToEnd(later.Stop());
  ASSERT_TRUE(first.has_value()) << first.error().ToString();
  EXPECT_EQ(first->services.size(), 2U) << "never a part: a site would end the rest";
}

TEST_F(SiteDeskTest, TokenBecomesAKey) {
  MakeService();
  Resource token{.kind = "Token"};
  token.spec = {{"role", "viewer"}, {"project", "default"}};
  auto issued = RunSync(resource::IssueToken(store_, CallContext::System("test"), token));
  ASSERT_TRUE(issued.has_value()) << issued.error().ToString();
  std::string hash(Digest::Of(issued->secret).hex());
  runtime::DesiredState desired;
  do {
    desired = Desired(desired.version);
  } while (desired.services.empty() || desired.services[0].keys.empty());
  EXPECT_EQ(desired.services[0].keys[0].sha256, hash);
  EXPECT_EQ(desired.services[0].keys[0].expires_at_ms, 0);
}

TEST_F(SiteDeskTest, ReportBecomesStatus) {
  MakeService();
  runtime::DesiredState desired = DesiredWithRevision();
  runtime::SiteReport report{.site = "local",
                             .build_id = "build",
                             .serve_pid = 42,
                             .serving_generation = 7,
                             .endpoints = {{"rest", "127.0.0.1", 8000}}};
  report.revisions = {{.project = "default",
                       .name = "fraud-1",
                       .uid = desired.services[0].revisions[0].uid,
                       .phase = "Ready",
                       .load_ms = 5}};
  ASSERT_TRUE(RunSync(desk_.Report(report)).has_value());
  Resource revision = Get(kFirst);
  EXPECT_EQ(revision.status["phase"], "Ready");
  EXPECT_EQ(revision.status["loadMs"], 5);
  Resource site = Get({"Site", "", "local"});
  EXPECT_EQ(site.status["pid"], 42);
  EXPECT_EQ(site.status["servingGeneration"], 7);
  EXPECT_TRUE(site.status.contains("lastSeenAt"));
  uint64_t before = Get(kFirst).metadata.version;
  ASSERT_TRUE(RunSync(desk_.Report(report)).has_value());
  EXPECT_EQ(Get(kFirst).metadata.version, before) << "the same report writes nothing";
}

TEST_F(SiteDeskTest, ReportOfWhatIsGoneIsNoError) {
  runtime::SiteReport report{.site = "local"};
  report.revisions = {{.project = "default", .name = "gone-1", .uid = "x", .phase = "Ready"}};
  EXPECT_TRUE(RunSync(desk_.Report(report)).has_value());
}

TEST_F(SiteDeskTest, ChangeThatConcernsNoSiteWakesNobody) {
  uint64_t known = Desired(0).version;
  MakeService();
  uint64_t with_service = DesiredWithRevision().version;
  EXPECT_GT(with_service, known);
  Change([](ResourceTransaction& transaction) -> Result<void> {
    TRY(service, transaction.Get({"Service", "default", "fraud"}));
    service.metadata.labels["team"] = "a";
    TRY(updated, transaction.Update(service));
    (void)updated;
    return {};
  });
  // Given long enough to be recomputed, the state is still the same one.
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(Desired(0).version, with_service);
}

Task<void> KeepDesired(SiteDesk* desk, uint64_t known,
                       std::optional<Result<runtime::DesiredState>>* out) {
  out->emplace(co_await desk->Desired(known));
}

Task<void> WaitAndCancel(SiteDesk* desk, uint64_t known,
                         std::optional<Result<runtime::DesiredState>>* out) {
  TaskGroup group(co_await asio::this_coro::executor);
  group.Start([=] { return KeepDesired(desk, known, out); });
  co_await SleepFor(milliseconds(10));
  co_await group.Stop();
}

TEST_F(SiteDeskTest, WaitEndsWhenCancelled) {
  uint64_t known = Desired(0).version;
  std::optional<Result<runtime::DesiredState>> out;
  RunToEnd(WaitAndCancel(&desk_, known, &out));
  ASSERT_TRUE(out.has_value());
  ASSERT_TRUE(out->has_error());
  EXPECT_EQ(out->error().code(), Code::kCancelled);
}

}  // namespace
}  // namespace slipway::controller
