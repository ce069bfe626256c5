// The route table of the API, and what each role gets from it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"
#include "resource/api/api.h"
#include "resource/testing/test_store.h"
#include "resource/token_store.h"
#include "trust/guard.h"
#include "trust/testing/route_walk.h"

namespace slipway::resource {
namespace {

using net::Access;

Task<Result<bool>> Exists(std::string) {
  co_return true;
}

class ApiAccess : public testing::Test {
 protected:
  ApiAccess() : authenticator_(MakeTokenLookup(store_.meta()), store_.clock(), {}) {
    ApiHooks hooks;
    hooks.service_logs = [](net::HttpRequest&, Key) { return Logs(); };
    router_.AddAll(ApiRoutes(store_.resources(), std::move(hooks)));
    router_.SetGuard(
        trust::MakeGuard({.authenticator = &authenticator_, .project_exists = &Exists}));
  }

  static Task<net::HttpResponse> Logs() { co_return net::HttpResponse::Text(200, ""); }

  TestStore store_;
  trust::Authenticator authenticator_;
  net::Router router_;
  trust::RouteWalk walk_{router_, {{"{project}", "default"}, {"{name}", "x"}}};
};

TEST_F(ApiAccess, TheTableIsAsDecided) {
  for (const net::Route& route : router_.routes()) {
    EXPECT_FALSE(route.summary.empty()) << route.pattern;
    EXPECT_TRUE(route.query.has_value()) << route.pattern;
    const bool token = route.pattern.find("/tokens") != std::string::npos;
    const bool of_project = route.pattern.starts_with("/api/v1/projects/{project}/");
    const bool project = route.pattern.starts_with("/api/v1/projects") && !of_project;
    const bool read = route.method == net::Method::kGet;
    const bool one_project = project && route.pattern != "/api/v1/projects";
    Access wanted = read ? Access::kGlobalViewer : Access::kGlobalAdmin;
    if (of_project) wanted = read ? Access::kViewer : Access::kEditor;
    if (token) wanted = of_project ? Access::kAdmin : Access::kGlobalAdmin;
    if (one_project && (read || route.method == net::Method::kPatch)) {
      wanted = read ? Access::kViewer : Access::kAdmin;
    }
    if (route.pattern == "/api/v1/projects/{project}/status") wanted = Access::kViewer;
    if (route.pattern == "/api/v1/explain") wanted = Access::kIdentified;
    EXPECT_EQ(net::AccessName(route.access), net::AccessName(wanted))
        << net::MethodName(route.method) << " " << route.pattern;
  }
}

TEST_F(ApiAccess, NoRouteWritesKindsOfControllersOrAStatus) {
  for (const net::Route& route : router_.routes()) {
    if (route.method == net::Method::kGet) continue;
    for (std::string_view plural : {"/models", "/modelversions", "/revisions", "/status"}) {
      const bool deletes_model =
          route.method == net::Method::kDelete && plural.starts_with("/model");
      EXPECT_TRUE(deletes_model || route.pattern.find(plural) == std::string::npos)
          << route.pattern;
    }
  }
}

TEST_F(ApiAccess, EachRoleGetsWhatItMay) {
  const std::vector<Access> viewer = {Access::kViewer};
  const std::vector<Access> editor = {Access::kViewer, Access::kEditor};
  const std::vector<Access> admin = {Access::kViewer, Access::kEditor, Access::kAdmin};
  std::vector<Access> all_viewer = {Access::kViewer, Access::kGlobalViewer};
  std::vector<Access> all_admin = {Access::kViewer, Access::kEditor, Access::kAdmin,
                                   Access::kGlobalViewer, Access::kGlobalAdmin};
  store_.Create(TestStore::Wanted("Project", "", "other"));
  const std::vector<trust::RouteCaller> callers = {
      {"nobody", "", {}, false},
      {"wrong", "Bearer slw_000000000000_" + std::string(52, 'a'), {}, false},
      {"viewer", store_.Bearer("viewer", R"({"role":"viewer","project":"default"})"), viewer},
      {"editor", store_.Bearer("editor", R"({"role":"editor","project":"default"})"), editor},
      {"admin", store_.Bearer("admin", R"({"role":"admin","project":"default"})"), admin},
      {"all-viewer", store_.Bearer("all-viewer", R"({"role":"viewer"})"), all_viewer},
      {"all-admin", store_.Bearer("all-admin", R"({"role":"admin"})"), all_admin},
      {"stranger", store_.Bearer("stranger", R"({"role":"admin","project":"other"})"), {}},
      {"site", store_.Bearer("site", R"({"role":"site"})"), {}},
      {"packager", store_.Bearer("packager", R"({"role":"packager","project":"default"})"), {}},
      {"key", store_.Bearer("key", R"({"role":"viewer","project":"default","service":"x"})"), {}},
  };
  EXPECT_THAT(walk_.WrongAnswers(callers), testing::IsEmpty());
}

}  // namespace
}  // namespace slipway::resource
