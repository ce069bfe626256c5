// The route table of Klever's and Harbor's API, and what each role gets from it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"
#include "klever/error_response.h"
#include "klever/klever.h"
#include "klever/route_notes.h"
#include "resource/testing/test_store.h"
#include "resource/token_store.h"
#include "trust/guard.h"
#include "trust/testing/route_walk.h"

namespace slipway::klever {
namespace {

using net::Access;
using resource::TestStore;

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

  TemporaryFolder folder_;
  TestStore store_;
  std::unique_ptr<store::ObjectStore> objects_;
  BlockingPool pool_{2};
  trust::Authenticator authenticator_;
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<Klever> klever_;
  net::Router router_;
  trust::RouteWalk walk_{router_,
                         {{"{project}", "default"},
                          {"{model}", "x"},
                          {"{version}", "v1"},
                          {"{repository}", "x"},
                          {"{reference}", "v1"},
                          {"{tag}", "v1"}}};
};

TEST_F(KleverAccess, EachRouteHasItsNote) {
  const std::vector<resource::RouteNote> notes = KleverRouteNotes();
  EXPECT_EQ(notes.size(), router_.routes().size());
  for (const net::Route& route : router_.routes()) {
    EXPECT_NE(resource::FindNote(notes, route.method, route.pattern), nullptr)
        << net::MethodName(route.method) << " " << route.pattern;
  }
}

TEST_F(KleverAccess, TheTableIsAsDecided) {
  EXPECT_GT(router_.routes().size(), 25U);
  for (const net::Route& route : router_.routes()) {
    EXPECT_FALSE(route.summary.empty()) << route.pattern;
    const bool reads = route.method == net::Method::kGet || route.method == net::Method::kHead ||
                       route.pattern.ends_with("/download");
    const bool in_project = route.pattern.find("{project}/") != std::string::npos;
    Access wanted = reads ? Access::kViewer : Access::kEditor;
    if (route.pattern.ends_with("/upload")) wanted = Access::kEditor;
    if (route.pattern.ends_with("/download")) wanted = Access::kRegistryPull;
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

TEST_F(KleverAccess, EachRoleGetsWhatItMay) {
  const std::vector<Access> viewer = {Access::kViewer, Access::kRegistryPull};
  const std::vector<Access> editor = {Access::kViewer, Access::kRegistryPull, Access::kEditor};
  std::vector<Access> all_admin = editor;
  all_admin.push_back(Access::kGlobalAdmin);
  store_.Create(TestStore::Wanted("Project", "", "other"));
  const std::vector<trust::RouteCaller> callers = {
      {"nobody", "", {}, false},
      {"wrong", "Bearer slw_000000000000_" + std::string(52, 'a'), {}, false},
      {"viewer", store_.Bearer("viewer", R"({"role":"viewer","project":"default"})"), viewer},
      {"editor", store_.Bearer("editor", R"({"role":"editor","project":"default"})"), editor},
      {"admin", store_.Bearer("admin", R"({"role":"admin","project":"default"})"), editor},
      {"stranger", store_.Bearer("stranger", R"({"role":"admin","project":"other"})"), {}},
      {"site", store_.Bearer("site", R"({"role":"site"})"), {}},
      {"key", store_.Bearer("key", R"({"role":"viewer","project":"default","service":"x"})"), {}},
      {"all-admin", store_.Bearer("all-admin", R"({"role":"admin"})"), all_admin},
  };
  EXPECT_THAT(walk_.WrongAnswers(callers), testing::IsEmpty());
}

// Routes whose rule cannot know the project look at it themselves.
TEST_F(KleverAccess, AProjectThatOneMayNotReadIsAsOneThatIsNotThere) {
  store_.Create(TestStore::Wanted("Project", "", "other"));
  const std::string stranger = store_.Bearer("stranger", R"({"role":"admin","project":"other"})");
  const std::string viewer = store_.Bearer("viewer", R"({"role":"viewer","project":"default"})");
  EXPECT_EQ(walk_.Send(net::Method::kGet, "/api/v2.0/projects/default", viewer).status, 200);
  const auto hidden = walk_.Send(net::Method::kGet, "/api/v2.0/projects/default", stranger);
  const auto missing = walk_.Send(net::Method::kGet, "/api/v2.0/projects/defauls", stranger);
  EXPECT_EQ(hidden.status, 404);
  EXPECT_EQ(missing.status, 404);
}

TEST_F(KleverAccess, ErrorsAreInTheWordsOfEachProtocol) {
  const auto klever = walk_.Send(net::Method::kGet, "/api/v1alpha1/comparisons", "");
  const Json body = Json::parse(std::get<std::string>(klever.body));
  EXPECT_EQ(body["reason"], "TOKEN_MISSING");
  EXPECT_TRUE(body["message"].is_string());
  const auto harbor = walk_.Send(net::Method::kGet, "/api/v2.0/projects", "");
  const Json errors = Json::parse(std::get<std::string>(harbor.body));
  EXPECT_EQ(errors["errors"][0]["code"], "UNAUTHORIZED");
  EXPECT_THAT(harbor.headers,
              ::testing::Contains(::testing::Pair("WWW-Authenticate", "Basic realm=\"slipway\"")));
}

}  // namespace
}  // namespace slipway::klever
