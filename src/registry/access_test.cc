#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/testing/registry_fixture.h"

namespace slipway::registry {
namespace {

using ::testing::HasSubstr;

class RegistryAccessTest : public ::testing::Test {
 protected:
  RegistryStores stores_;
  RegistryFixture registry_{stores_};
};

TEST_F(RegistryAccessTest, NobodyIsChallenged) {
  registry_.AsNobody();
  for (const char* path : {"/v2/", "/v2/default/a/tags/list", "/v2/default/a/manifests/v1"}) {
    const TestResponse response = registry_.Get(path);
    EXPECT_EQ(response.status, 401) << path;
    EXPECT_EQ(response.error_code(), "UNAUTHORIZED");
    EXPECT_EQ(response.header("WWW-Authenticate"), "Basic realm=\"slipway\"");
  }
}

TEST_F(RegistryAccessTest, EveryRouteButTheVersionNeedsARoleInTheProject) {
  registry_.As(ViewerOf("other"));
  for (const net::Route& route : registry_.router().routes()) {
    std::string path = route.pattern;
    const auto replace = [&](const std::string& what, const std::string& with) {
      const size_t at = path.find(what);
      if (at != std::string::npos) path.replace(at, what.size(), with);
    };
    replace("{name+}", "default/a");
    replace("{digest}", Digest::Of("x").text());
    replace("{reference}", "v1");
    replace("{session}", "s");
    const TestResponse response = registry_.Send({.method = route.method, .target = path});
    if (route.access == net::Access::kRegistry) {
      EXPECT_EQ(response.status, 200) << path;
      continue;
    }
    EXPECT_EQ(response.status, 403) << net::MethodName(route.method) << " " << path;
  }
}

TEST_F(RegistryAccessTest, ViewerReadsAndDoesNotWrite) {
  const Digest digest = registry_.PushBlob("default/a", "content");
  registry_.As(ViewerOf("default"));
  EXPECT_EQ(registry_.Get("/v2/default/a/blobs/" + digest.text()).status, 200);
  for (const TestResponse& response : {registry_.Post("/v2/default/a/blobs/uploads/"),
                                       registry_.Put("/v2/default/a/manifests/v1", "{}"),
                                       registry_.Delete("/v2/default/a/blobs/" + digest.text())}) {
    EXPECT_EQ(response.status, 403);
    EXPECT_EQ(response.error_code(), "DENIED");
  }
}

TEST_F(RegistryAccessTest, PushByOneWhoMayMakesTheProject) {
  registry_.PushBlob("fresh/a", "content");
  registry_.As(ViewerOf("fresh"));
  EXPECT_EQ(registry_.Get("/v2/fresh/a/blobs/" + Digest::Of("content").text()).status, 200);
}

TEST_F(RegistryAccessTest, PushByAnyoneElseDoesNot) {
  Identity editor_of_all{.subject = "token/e", .grants = {{.role = Role::kEditor}}};
  for (const Identity& identity : {EditorOf("fresh"), editor_of_all}) {
    registry_.As(identity);
    const TestResponse response =
        registry_.Post("/v2/fresh/a/blobs/uploads/?digest=" + Digest::Of("x").text(), "x");
    EXPECT_EQ(response.status, 403);
    EXPECT_EQ(response.error_code(), "DENIED");
    EXPECT_THAT(response.body, HasSubstr("fresh"));
  }
}

}  // namespace
}  // namespace slipway::registry
