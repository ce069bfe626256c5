#include "controller/model/usage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "async/testing/run.h"
#include "base/testing/result_matchers.h"
#include "controller/service/rollback.h"
#include "controller/service/service_controller.h"
#include "resource/testing/test_store.h"

namespace slipway::controller {
namespace {

using resource::Key;
using resource::Resource;
using resource::ResourceTransaction;
using resource::TestStore;
using ::testing::HasSubstr;

class UsageTest : public ::testing::Test {
 protected:
  static Digest DigestOf(char letter) { return Digest::Of(std::string(1, letter)); }

  void Change(const std::function<Result<void>(ResourceTransaction&)>& body) {
    ASSERT_THAT(store_.resources().TransactNow(TestStore::As("test"), body), IsOk());
  }
  // The service asks for this content of default/fraud; there is no revision of it yet.
  void Ask(char letter) {
    Resource service = TestStore::Wanted("Service", "default", "gate");
    service.spec = {{"predictor", {{"model", "default/fraud:v1@" + DigestOf(letter).text()}}}};
    if (store_.TryGet(kService).has_value()) {
      ASSERT_THAT(store_.TryUpdate(service), IsOk());
    } else {
      store_.Create(service);
    }
  }
  void Plan() {
    Change(
        [](ResourceTransaction& transaction) { return ReconcileService(transaction, kService); });
  }
  void SetPhase(int64_t number, std::string_view phase) {
    ASSERT_THAT(store_.TryUpdateStatus({"Revision", "default", RevisionName("gate", number)},
                                       R"({"loadMs": 5, "phase": ")" + std::string(phase) + "\"}"),
                IsOk());
  }
  // A new revision of this content gets ready.
  void Deploy(char letter) {
    Ask(letter);
    Plan();
    const auto service = Service::From(store_.Get(kService));
    SetPhase(service->status.latest_revision, "Ready");
    Plan();
  }
  Result<void> Check(const std::string& repository, const std::optional<Digest>& digest) {
    return store_.resources().TransactNow(
        TestStore::As("test"), [&](ResourceTransaction& transaction) {
          return CheckModelUnused(transaction, repository, digest);
        });
  }
  void ExpectUsed(char letter, std::string_view how) {
    const Result<void> used = Check("default/fraud", DigestOf(letter));
    ASSERT_THAT(used, IsError(Code::kFailedPrecondition, "MODEL_IN_USE"));
    EXPECT_THAT(used.error().message(), HasSubstr("service default/gate"));
    EXPECT_THAT(used.error().message(), HasSubstr(std::string(how)));
  }
  void ExpectUnused(char letter) { EXPECT_THAT(Check("default/fraud", DigestOf(letter)), IsOk()); }

  inline static const Key kService{"Service", "default", "gate"};
  TestStore store_;
};

TEST_F(UsageTest, WhatNobodyAskedForIsUnused) {
  ExpectUnused('a');
  Deploy('a');
  ExpectUnused('b');
  EXPECT_THAT(Check("default/frau", std::nullopt), IsOk());
  EXPECT_THAT(Check("shop/fraud", DigestOf('a')), IsOk());
}

TEST_F(UsageTest, AWishIsAUse) {
  Ask('a');
  ExpectUsed('a', "asks for");
  EXPECT_THAT(Check("default/fraud", std::nullopt),
              IsError(Code::kFailedPrecondition, "MODEL_IN_USE"));
}

TEST_F(UsageTest, CurrentAndPreviousAreUsedOlderOnesAreNot) {
  Deploy('a');
  Deploy('b');
  Deploy('c');
  ExpectUsed('c', "asks for");
  ExpectUsed('b', "revision 2");
  ExpectUnused('a');
}

TEST_F(UsageTest, WhatServesWhileTheLatestFailsIsUsed) {
  Deploy('a');
  Deploy('b');
  Ask('c');
  Plan();
  SetPhase(3, "Failed");
  Plan();
  ExpectUsed('b', "revision 2");
}

TEST_F(UsageTest, TheWayBackStaysOpen) {
  Deploy('a');
  Deploy('b');
  Change([](ResourceTransaction& transaction) -> Result<void> {
    TRY(service, Rollback(transaction, kService));
    EXPECT_THAT(service.spec["predictor"]["model"].get<std::string>(),
                HasSubstr(DigestOf('a').text()));
    return {};
  });
  ExpectUsed('a', "asks for");
  ExpectUsed('b', "revision 2");
}

TEST_F(UsageTest, AllThatAProgramIsMadeOfIsUsedAsASingleModelIs) {
  const auto ask = [this](char first, char second) {
    Resource service = TestStore::Wanted("Service", "default", "gate");
    service.spec = {
        {"predictor",
         {{"models",
           Json::array(
               {{{"ref", "default/fraud:v1@" + DigestOf(first).text()}, {"mountAs", "one"}},
                {{"ref", "default/fraud:v2@" + DigestOf(second).text()}, {"mountAs", "two"}}})},
          {"program", {{"python", "default/code:v1@" + DigestOf('p').text()}}}}}};
    if (store_.TryGet(kService).has_value()) {
      ASSERT_THAT(store_.TryUpdate(service), IsOk());
    } else {
      store_.Create(service);
    }
  };
  ask('a', 'b');
  ExpectUsed('b', "asks for");
  for (const auto& [first, second] : {std::pair{'a', 'b'}, {'a', 'c'}, {'a', 'd'}}) {
    ask(first, second);
    Plan();
    const auto service = Service::From(store_.Get(kService));
    SetPhase(service->status.latest_revision, "Ready");
    Plan();
  }
  ExpectUsed('a', "asks for");
  ExpectUsed('d', "asks for");
  ExpectUsed('c', "revision 2");
  ExpectUnused('b');
  EXPECT_THAT(Check("default/code", DigestOf('p')),
              IsError(Code::kFailedPrecondition, "MODEL_IN_USE"));
  EXPECT_THAT(Check("default/code", DigestOf('q')), IsOk());
  EXPECT_THAT(Check("default/code", std::nullopt),
              IsError(Code::kFailedPrecondition, "MODEL_IN_USE"));
}

TEST_F(UsageTest, AServiceThatIsGoneUsesNothing) {
  Deploy('a');
  Deploy('b');
  ASSERT_THAT(store_.TryDelete(kService), IsOk());
  ExpectUnused('a');
  ExpectUnused('b');
}

}  // namespace
}  // namespace slipway::controller
