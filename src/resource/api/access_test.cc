// The route table of the API, and what each role gets from it.
#include <gtest/gtest.h>

#include "async/testing/run.h"
#include "base/testing/result_matchers.h"
#include "resource/api/api.h"
#include "resource/testing/test_store.h"
#include "resource/token_store.h"
#include "trust/guard.h"

namespace slipway::resource {
namespace {

using net::Access;

class EmptyBody final : public net::BodyReader {
 public:
  std::optional<uint64_t> length() const override { return 0; }
  Task<Result<size_t>> Read(char*, size_t) override { co_return size_t{0}; }
  Task<Result<std::string>> ReadAll(uint64_t) override { co_return std::string(); }
};

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

  std::string Token(std::string name, std::string_view spec) {
    Result<IssuedToken> issued =
        RunSync(IssueToken(store_.resources(), TestStore::As("tester"),
                           TestStore::Wanted("Token", "", std::move(name), spec)));
    EXPECT_THAT(issued, IsOk());
    return "Bearer " + issued->secret;
  }

  // The status of a request to the route, with `default` and `x` for its parameters.
  int Send(const net::Route& route, std::string_view authorization) {
    std::string target = route.pattern;
    for (const auto& [parameter, value] :
         {std::pair<std::string, std::string>{"{project}", "default"}, {"{name}", "x"}}) {
      if (size_t at = target.find(parameter); at != std::string::npos) {
        target.replace(at, parameter.size(), value);
      }
    }
    EmptyBody body;
    net::HttpRequest request;
    request.method = route.method;
    request.method_text = net::MethodName(route.method);
    request.target = target;
    request.path = target;
    request.peer_is_loopback = true;
    if (!authorization.empty()) request.headers.emplace_back("Authorization", authorization);
    request.body = &body;
    return RunSync(router_.Handle(request)).status;
  }

  TestStore store_;
  trust::Authenticator authenticator_;
  net::Router router_;
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
  struct Caller {
    std::string name;
    std::string header;
    std::vector<Access> may;
  };
  const std::vector<Access> viewer = {Access::kViewer};
  const std::vector<Access> editor = {Access::kViewer, Access::kEditor};
  const std::vector<Access> admin = {Access::kViewer, Access::kEditor, Access::kAdmin};
  std::vector<Access> all_viewer = {Access::kViewer, Access::kGlobalViewer};
  std::vector<Access> all_admin = {Access::kViewer, Access::kEditor, Access::kAdmin,
                                   Access::kGlobalViewer, Access::kGlobalAdmin};
  store_.Create(TestStore::Wanted("Project", "", "other"));
  const std::vector<Caller> callers = {
      {"nobody", "", {}},
      {"wrong", "Bearer slw_000000000000_" + std::string(52, 'a'), {}},
      {"viewer", Token("viewer", R"({"role":"viewer","project":"default"})"), viewer},
      {"editor", Token("editor", R"({"role":"editor","project":"default"})"), editor},
      {"admin", Token("admin", R"({"role":"admin","project":"default"})"), admin},
      {"all-viewer", Token("all-viewer", R"({"role":"viewer"})"), all_viewer},
      {"all-admin", Token("all-admin", R"({"role":"admin"})"), all_admin},
      {"stranger", Token("stranger", R"({"role":"admin","project":"other"})"), {}},
      {"site", Token("site", R"({"role":"site"})"), {}},
      {"packager", Token("packager", R"({"role":"packager","project":"default"})"), {}},
      {"key", Token("key", R"({"role":"viewer","project":"default","service":"x"})"), {}},
  };
  for (const net::Route& route : router_.routes()) {
    for (const Caller& caller : callers) {
      const int status = Send(route, caller.header);
      const bool known = caller.name != "nobody" && caller.name != "wrong";
      const bool may = route.access == Access::kIdentified ||
                       std::ranges::find(caller.may, route.access) != caller.may.end();
      const std::string what = caller.name + " " + std::string(net::MethodName(route.method)) +
                               " " + route.pattern + ": " + std::to_string(status);
      if (!known) {
        EXPECT_EQ(status, 401) << what;
      } else if (!may) {
        EXPECT_EQ(status, 403) << what;
      } else {
        EXPECT_TRUE(status != 401 && status != 403 && status < 500) << what;
      }
    }
  }
}

}  // namespace
}  // namespace slipway::resource
