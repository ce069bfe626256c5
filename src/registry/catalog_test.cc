#include "registry/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/testing/result_matchers.h"
#include "registry/limits.h"
#include "registry/rows.h"
#include "registry/testing/registry_fixture.h"

namespace slipway::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CatalogTest : public ::testing::Test {
 protected:
  static std::vector<std::string> Names(const TestResponse& response) {
    EXPECT_EQ(response.status, 200) << response.body;
    return ParseJson(response.body).value()["repositories"].get<std::vector<std::string>>();
  }

  RegistryStores stores_;
  RegistryFixture registry_{stores_};
};

TEST_F(CatalogTest, ListsWhatTheCallerMayPullInByteOrder) {
  EXPECT_THAT(Names(registry_.Get("/v2/_catalog")), IsEmpty());
  for (const char* name : {"b/x", "a/z", "a-b/x", "a/b/c", "a/b", "alone", "c/x"}) {
    registry_.PushBlob(name, "content");
  }
  EXPECT_THAT(Names(registry_.Get("/v2/_catalog")),
              ElementsAre("a-b/x", "a/b", "a/b/c", "a/z", "b/x", "c/x", "default/alone"));
  registry_.As(ViewerOf("a"));
  EXPECT_THAT(Names(registry_.Get("/v2/_catalog")), ElementsAre("a/b", "a/b/c", "a/z"));
  registry_.As(ViewerOf("nobody-s"));
  EXPECT_THAT(Names(registry_.Get("/v2/_catalog")), IsEmpty());
  registry_.AsNobody();
  EXPECT_EQ(registry_.Get("/v2/_catalog").status, 401);
}

TEST_F(CatalogTest, PagesShowNothingOfOtherProjects) {
  for (const char* name : {"a/1", "a/2", "b/1", "c/1", "c/2", "d/1"}) {
    registry_.PushBlob(name, "content");
  }
  Identity caller = ViewerOf("a");
  caller.grants.push_back({.role = Role::kViewer, .project = "c"});
  registry_.As(caller);
  const TestResponse first = registry_.Get("/v2/_catalog?n=3");
  EXPECT_THAT(Names(first), ElementsAre("a/1", "a/2", "c/1"));
  EXPECT_EQ(first.header("Link"), "</v2/_catalog?n=3&last=c%2F1>; rel=\"next\"");
  const TestResponse second = registry_.Get("/v2/_catalog?n=3&last=c%2F1");
  EXPECT_THAT(Names(second), ElementsAre("c/2"));
  EXPECT_EQ(second.header("Link"), "");
  EXPECT_THAT(Names(registry_.Get("/v2/_catalog?last=b")), ElementsAre("c/1", "c/2"));
  const TestResponse none = registry_.Get("/v2/_catalog?n=0");
  EXPECT_THAT(Names(none), IsEmpty());
  EXPECT_EQ(none.header("Link"), "");
  EXPECT_EQ(registry_.Get("/v2/_catalog?n=x").status, 400);
}

TEST_F(CatalogTest, PassesOverLargeProjectsOfOthers) {
  store::MetaStore& meta = *stores_.meta;
  ASSERT_THAT(meta.MutateNow(CallContext::System("test"),
                             [](store::Transaction& transaction) -> Result<void> {
                               for (size_t i = 0; i < 2 * kMaxTagPage; ++i) {
                                 for (const char* project : {"a/", "b/", "c/"}) {
                                   TRY_VOID(transaction.Put(
                                       RepositoryKey(project + std::to_string(10'000 + i)), "{}"));
                                 }
                               }
                               return {};
                             }),
              IsOk());
  size_t asked = 0;
  CatalogPage page;
  ASSERT_THAT(meta.ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(found, ListRepositories(
                   snapshot,
                   [&asked](std::string_view project) {
                     ++asked;
                     return project == "c";
                   },
                   "", kMaxTagPage));
    page = std::move(found);
    return {};
  }),
              IsOk());
  EXPECT_EQ(asked, 3u);
  EXPECT_EQ(page.repositories.size(), kMaxTagPage);
  EXPECT_EQ(page.repositories.front(), "c/10000");
  EXPECT_EQ(page.next, "c/10999");
}

}  // namespace
}  // namespace slipway::registry
