// The route table of Klever's and Harbor's API, and what each role gets from it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "async/testing/run.h"
#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"
#include "klever/error_response.h"
#include "klever/klever.h"
#include "resource/testing/test_store.h"
#include "resource/token_store.h"
#include "trust/guard.h"

namespace slipway::klever {
namespace {

using net::Access;
using resource::TestStore;

class EmptyBody final : public net::BodyReader {
 public:
  std::optional<uint64_t> length() const override { return 0; }
  Task<Result<size_t>> Read(char*, size_t) override { co_return size_t{0}; }
  Task<Result<std::string>> ReadAll(uint64_t) override { co_return std::string(); }
};

Task<Result<bool>> Exists(std::string) {
  co_return true;
}

class KleverAccess : public testing::Test {
 protected:
  KleverAccess()
      : objects_(store::MakeMemoryObjectStore()),
        authenticator_(resource::MakeTokenLookup(store_.meta()), store_.clock(), {}) {
    auto registry = registry::Registry::Open({.meta = &store_.meta(),
                                              .objects = objects_.get(),
                                              .pool = &pool_,
                                              .clock = &store_.clock(),
                                              .random = &SystemRandom()});
    EXPECT_THAT(registry, IsOk());
    registry_ = std::move(*registry);
    klever_ = std::make_unique<Klever>(KleverOptions{.registry = registry_.get(),
                                                     .objects = objects_.get(),
                                                     .resources = &store_.resources(),
                                                     .pool = &pool_,
                                                     .files = &PosixFileSystem(),
                                                     .clock = &store_.clock(),
                                                     .random = &SystemRandom(),
                                                     .folder = folder_.path() + "/klever",
                                                     .reserve = {},
                                                     .program_version = "slipway test"});
    router_.AddAll(klever_->Routes());
    router_.SetErrorWriter("/api/v1alpha1", WriteKleverError);
    router_.SetErrorWriter("/api/v2.0", WriteHarborError);
    router_.SetGuard(
        trust::MakeGuard({.authenticator = &authenticator_, .project_exists = &Exists}));
  }

  std::string Token(std::string name, std::string_view spec) {
    auto issued = RunSync(resource::IssueToken(store_.resources(), TestStore::As("tester"),
                                               TestStore::Wanted("Token", "", name, spec)));
    EXPECT_THAT(issued, IsOk());
    return "Bearer " + issued->secret;
  }

  net::HttpResponse Send(net::Method method, std::string target, std::string_view authorization) {
    for (const auto& [parameter, value] :
         {std::pair<std::string, std::string>{"{project}", "default"},
          {"{model}", "x"},
          {"{version}", "v1"},
          {"{repository}", "x"},
          {"{reference}", "v1"},
          {"{tag}", "v1"}}) {
      if (size_t at = target.find(parameter); at != std::string::npos) {
        target.replace(at, parameter.size(), value);
      }
    }
    EmptyBody body;
    net::HttpRequest request;
    request.method = method;
    request.method_text = net::MethodName(method);
    request.target = target;
    request.path = target;
    request.peer_is_loopback = true;
    if (!authorization.empty()) request.headers.emplace_back("Authorization", authorization);
    request.body = &body;
    return RunSync(router_.Handle(request));
  }

  TemporaryFolder folder_;
  TestStore store_;
  std::unique_ptr<store::ObjectStore> objects_;
  BlockingPool pool_{2};
  trust::Authenticator authenticator_;
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<Klever> klever_;
  net::Router router_;
};

TEST_F(KleverAccess, TheTableIsAsDecided) {
  EXPECT_GT(router_.routes().size(), 25U);
  for (const net::Route& route : router_.routes()) {
    EXPECT_FALSE(route.summary.empty()) << route.pattern;
    const bool reads = route.method == net::Method::kGet || route.method == net::Method::kHead ||
                       route.pattern.ends_with("/download");
    const bool in_project = route.pattern.find("{project}/") != std::string::npos;
    Access wanted = reads ? Access::kViewer : Access::kEditor;
    if (route.pattern.ends_with("/upload")) wanted = Access::kEditor;
    // The handler looks at the project, which is in the body, a number, or each of a list.
    if (!in_project) wanted = reads ? Access::kIdentified : Access::kGlobalAdmin;
    if (route.pattern.starts_with("/api/v1alpha1/compar")) wanted = Access::kIdentified;
    if (route.pattern == "/api/v2.0/ping" || route.pattern == "/api/v2.0/health") {
      wanted = Access::kOpen;
    }
    EXPECT_EQ(net::AccessName(route.access), net::AccessName(wanted))
        << net::MethodName(route.method) << " " << route.pattern;
  }
}

struct Caller {
  std::string name;
  std::string header;
  std::vector<Access> may;
};

TEST_F(KleverAccess, EachRoleGetsWhatItMay) {
  const std::vector<Access> all_admin = {Access::kViewer, Access::kEditor, Access::kGlobalAdmin};
  store_.Create(TestStore::Wanted("Project", "", "other"));
  const std::vector<Caller> callers = {
      {"nobody", "", {}},
      {"wrong", "Bearer slw_000000000000_" + std::string(52, 'a'), {}},
      {"viewer", Token("viewer", R"({"role":"viewer","project":"default"})"), {Access::kViewer}},
      {"editor",
       Token("editor", R"({"role":"editor","project":"default"})"),
       {Access::kViewer, Access::kEditor}},
      {"admin",
       Token("admin", R"({"role":"admin","project":"default"})"),
       {Access::kViewer, Access::kEditor}},
      {"stranger", Token("stranger", R"({"role":"admin","project":"other"})"), {}},
      {"site", Token("site", R"({"role":"site"})"), {}},
      {"key", Token("key", R"({"role":"viewer","project":"default","service":"x"})"), {}},
      {"all-admin", Token("all-admin", R"({"role":"admin"})"), all_admin},
  };
  for (const net::Route& route : router_.routes()) {
    if (route.access == Access::kOpen) continue;
    for (const Caller& caller : callers) {
      const int status = Send(route.method, route.pattern, caller.header).status;
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

// Routes whose rule cannot know the project look at it themselves.
TEST_F(KleverAccess, AProjectThatOneMayNotReadIsAsOneThatIsNotThere) {
  store_.Create(TestStore::Wanted("Project", "", "other"));
  const std::string stranger = Token("stranger", R"({"role":"admin","project":"other"})");
  const std::string viewer = Token("viewer", R"({"role":"viewer","project":"default"})");
  EXPECT_EQ(Send(net::Method::kGet, "/api/v2.0/projects/default", viewer).status, 200);
  const auto hidden = Send(net::Method::kGet, "/api/v2.0/projects/default", stranger);
  const auto missing = Send(net::Method::kGet, "/api/v2.0/projects/defauls", stranger);
  EXPECT_EQ(hidden.status, 404);
  EXPECT_EQ(missing.status, 404);
}

TEST_F(KleverAccess, ErrorsAreInTheWordsOfEachProtocol) {
  const auto klever = Send(net::Method::kGet, "/api/v1alpha1/comparisons", "");
  const Json body = Json::parse(std::get<std::string>(klever.body));
  EXPECT_EQ(body["reason"], "TOKEN_MISSING");
  EXPECT_TRUE(body["message"].is_string());
  const auto harbor = Send(net::Method::kGet, "/api/v2.0/projects", "");
  const Json errors = Json::parse(std::get<std::string>(harbor.body));
  EXPECT_EQ(errors["errors"][0]["code"], "UNAUTHORIZED");
  EXPECT_THAT(harbor.headers,
              ::testing::Contains(::testing::Pair("WWW-Authenticate", "Basic realm=\"slipway\"")));
}

}  // namespace
}  // namespace slipway::klever
