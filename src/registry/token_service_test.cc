// The token service, and what its tokens open in the registry.
#include "registry/token_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/testing/result_matchers.h"
#include "oci/challenge.h"
#include "registry/challenge.h"
#include "registry/testing/registry_fixture.h"
#include "resource/resource_transaction.h"

namespace slipway::registry {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string Basic(const std::string& password, const std::string& user = "anyone") {
  return "Basic " + Base64(user + ":" + password);
}

class TokenServiceTest : public ::testing::Test {
 protected:
  TokenServiceTest() {
    registry_.PushBlob("shop/a", "content");
    registry_.PushBlob("open/a", "public content");
    SetPublic("open", true);
    registry_.UseTokens();
    editor_ = registry_.MakeToken("ci", R"({"role":"editor","project":"shop"})");
    viewer_ = registry_.MakeToken("reader", R"({"role":"viewer","project":"shop"})");
  }

  void SetPublic(const std::string& name, bool is_public) {
    const CallContext context = CallContext::System("test");
    const auto done =
        stores_.meta->MutateNow(context, [&](store::Transaction& raw) -> Result<void> {
          resource::ResourceTransaction resources(raw, context, stores_.clock, *stores_.random);
          TRY(project, resources.Get({.kind = "Project", .project = "", .name = name}));
          project.spec["registry"] = {{"anonymousPull", is_public}};
          TRY_VOID(resources.Update(std::move(project), std::nullopt));
          return {};
        });
    ASSERT_THAT(done, IsOk());
  }

  void Revoke(const std::string& name) {
    const CallContext context = CallContext::System("test");
    const auto done =
        stores_.meta->MutateNow(context, [&](store::Transaction& raw) -> Result<void> {
          resource::ResourceTransaction resources(raw, context, stores_.clock, *stores_.random);
          return resources.Delete({.kind = "Token", .project = "", .name = name});
        });
    ASSERT_THAT(done, IsOk());
    registry_.ForgetVerdicts();
  }

  TestResponse Send(net::Method method, const std::string& target, const std::string& authorization,
                    const std::string& body = "") {
    TestRequest request{
        .method = method, .target = target, .headers = {{"Host", "reg.test:5000"}}, .body = body};
    if (!authorization.empty()) request.headers.emplace_back("Authorization", authorization);
    return registry_.Send(request);
  }
  TestResponse Get(const std::string& target, const std::string& authorization = "") {
    return Send(net::Method::kGet, target, authorization);
  }

  // "Bearer ..." for the scopes, asked for with these credentials.
  std::string Fetch(const std::string& scopes, const std::string& authorization) {
    const TestResponse response = Get("/token?service=" + Service() + scopes, authorization);
    EXPECT_EQ(response.status, 200) << response.body;
    return "Bearer " + Json::parse(response.body).value("token", "");
  }
  // What a token says that it is for: "shop/a:pull,push".
  static std::vector<std::string> AccessOf(const std::string& bearer) {
    const size_t dot = bearer.find('.');
    std::string payload = bearer.substr(dot + 1, bearer.rfind('.') - dot - 1);
    std::ranges::replace(payload, '-', '+');
    std::ranges::replace(payload, '_', '/');
    const Json claims = Json::parse(FromBase64(payload).value());
    std::vector<std::string> out;
    for (const Json& entry : claims["access"]) {
      std::string text = entry["name"].get<std::string>() + ":";
      for (const Json& action : entry["actions"]) text += action.get<std::string>() + ",";
      text.pop_back();
      out.push_back(std::move(text));
    }
    return out;
  }

  std::string Service() {
    const auto challenges = oci::ParseChallenges(Get("/v2/").header("WWW-Authenticate"));
    return challenges.at(0).parameters.at("service");
  }
  static std::string Blob(const std::string& repository, const std::string& content) {
    return "/v2/" + repository + "/blobs/" + Digest::Of(content).text();
  }

  RegistryStores stores_;
  RegistryFixture registry_{stores_};
  std::string editor_;
  std::string viewer_;
};

TEST_F(TokenServiceTest, TheChallengeNamesWhatTheRequestNeeds) {
  struct Row {
    net::Method method;
    std::string target;
    std::string scope;
  };
  const std::string digest = Digest::Of("content").text();
  for (const Row& row : std::initializer_list<Row>{
           {net::Method::kGet, "/v2/", ""},
           {net::Method::kGet, "/v2", ""},
           {net::Method::kGet, "/v2/_catalog", "registry:catalog:*"},
           {net::Method::kGet, "/v2/shop/a/tags/list", "repository:shop/a:pull"},
           {net::Method::kHead, "/v2/a/manifests/v1", "repository:a:pull"},
           {net::Method::kPut, "/v2/shop/a/b/manifests/v1", "repository:shop/a/b:pull,push"},
           {net::Method::kPost, "/v2/shop/a/blobs/uploads/", "repository:shop/a:pull,push"},
           {net::Method::kPost, "/v2/shop/b/blobs/uploads/?mount=" + digest + "&from=shop/a",
            "repository:shop/b:pull,push repository:shop/a:pull"},
           {net::Method::kDelete, "/v2/shop/a/manifests/v1", "repository:shop/a:delete"},
           {net::Method::kDelete, "/v2/shop/a/blobs/" + digest, "repository:shop/a:delete"},
       }) {
    const TestResponse response = Send(row.method, row.target, "");
    EXPECT_EQ(response.status, 401) << row.target;
    std::string wanted =
        R"(Bearer realm="http://reg.test:5000/token",service=")" + Service() + "\"";
    if (!row.scope.empty()) wanted += ",scope=\"" + row.scope + "\"";
    EXPECT_EQ(response.header("WWW-Authenticate"), wanted) << row.target;
    EXPECT_EQ(response.headers.count("WWW-Authenticate"), 1u);
  }
  EXPECT_THAT(Get("/v2/", "Bearer wrong").header("WWW-Authenticate"),
              HasSubstr("error=\"invalid_token\""));
}

TEST_F(TokenServiceTest, ScopesAreCutDownToWhatTheCallerMay) {
  EXPECT_THAT(AccessOf(Fetch("&scope=repository:shop/a:pull,push,delete", Basic(editor_))),
              ::testing::ElementsAre("shop/a:pull,push,delete"));
  EXPECT_THAT(AccessOf(Fetch("&scope=repository:shop/a:*", Basic(viewer_))),
              ::testing::ElementsAre("shop/a:pull"));
  EXPECT_THAT(AccessOf(Fetch("&scope=repository:shop/a:pull&scope=repository:other/b:pull,push"
                             "&scope=repository:open/a:pull,push&scope=registry:catalog:*",
                             Basic(editor_))),
              ::testing::ElementsAre("shop/a:pull", "open/a:pull", "_catalog:pull"));
  EXPECT_THAT(AccessOf(Fetch("&scope=registry:catalog:*", "")), IsEmpty());
  EXPECT_THAT(AccessOf(Fetch("&scope=repository:shop/a:push", Basic(viewer_))), IsEmpty());
  EXPECT_THAT(AccessOf(Fetch("&scope=repository:shop/UPPER:pull", Basic(editor_))), IsEmpty());
  EXPECT_THAT(AccessOf(Fetch("", Basic(editor_))), IsEmpty());
  EXPECT_THAT(AccessOf(Fetch("&scope=repository:open/a:pull,push", "")),
              ::testing::ElementsAre("open/a:pull"));
  EXPECT_THAT(AccessOf(Fetch("&scope=repository:shop/a:pull", "")), IsEmpty());
}

TEST_F(TokenServiceTest, RolesBesideProjectsOpenNothing) {
  for (const std::string spec : {R"({"role":"site"})", R"({"role":"packager","project":"shop"})",
                                 R"({"role":"viewer","project":"shop","service":"fraud"})"}) {
    const std::string token = registry_.MakeToken("t" + Digest::Of(spec).text().substr(7, 8), spec);
    EXPECT_THAT(AccessOf(Fetch("&scope=repository:shop/a:*", Basic(token))), IsEmpty()) << spec;
    EXPECT_EQ(Get(Blob("shop/a", "content"), Basic(token)).status, 403) << spec;
    EXPECT_EQ(Get(Blob("open/a", "public content"), Basic(token)).status, 200) << spec;
  }
}

TEST_F(TokenServiceTest, ATokenOpensWhatItIsFor) {
  const std::string pull = Fetch("&scope=repository:shop/a:pull", Basic(editor_));
  EXPECT_EQ(Get("/v2/", pull).status, 200);
  EXPECT_EQ(Get(Blob("shop/a", "content"), pull).body, "content");
  const TestResponse push = Send(net::Method::kPost, "/v2/shop/a/blobs/uploads/", pull);
  EXPECT_EQ(push.status, 401);
  EXPECT_THAT(push.header("WWW-Authenticate"),
              HasSubstr(R"(,scope="repository:shop/a:pull,push",error="insufficient_scope")"));
  const std::string both = Fetch("&scope=repository:shop/a:pull,push", Basic(editor_));
  EXPECT_EQ(Send(net::Method::kPost, "/v2/shop/a/blobs/uploads/", both).status, 202);
  EXPECT_EQ(Send(net::Method::kDelete, Blob("shop/a", "content"), both).status, 401);
  const std::string removal = Fetch("&scope=repository:shop/a:delete", Basic(editor_));
  EXPECT_EQ(Send(net::Method::kDelete, Blob("shop/a", "content"), removal).status, 202);
}

TEST_F(TokenServiceTest, ANameThatCannotBeIsAnErrorOfItsOwn) {
  const std::string pull = Fetch("&scope=repository:shop/A:pull", Basic(editor_));
  const TestResponse response = Get("/v2/shop/A/tags/list", pull);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.error_code(), "NAME_INVALID");
}

TEST_F(TokenServiceTest, WhoMayNotIsToldSoAndNotChallengedInACircle) {
  const std::string pull = Fetch("&scope=repository:shop/a:pull,push", Basic(viewer_));
  const TestResponse push = Send(net::Method::kPost, "/v2/shop/a/blobs/uploads/", pull);
  EXPECT_EQ(push.status, 403);
  EXPECT_THAT(push.body, HasSubstr("role editor"));
}

TEST_F(TokenServiceTest, AnUploadGoesOnWithTheNextTokenOfTheSameSubject) {
  const std::string first = Fetch("&scope=repository:shop/a:pull,push", Basic(editor_));
  const std::string location =
      Send(net::Method::kPost, "/v2/shop/a/blobs/uploads/", first).header("Location");
  const TestResponse piece = Send(net::Method::kPatch, location, first, "half ");
  ASSERT_EQ(piece.status, 202) << piece.body;
  stores_.clock.Advance(std::chrono::minutes(10));
  EXPECT_EQ(Send(net::Method::kPatch, location, first, "x").status, 401);
  const std::string second = Fetch("&scope=repository:shop/a:pull,push", Basic(editor_));
  ASSERT_NE(first, second);
  EXPECT_EQ(Send(net::Method::kPatch, location, second, "done").status, 202);
  const std::string other = registry_.MakeToken("other", R"({"role":"editor","project":"shop"})");
  EXPECT_EQ(Send(net::Method::kPut, location + "?digest=" + Digest::Of("half done").text(),
                 Fetch("&scope=repository:shop/a:push", Basic(other)))
                .status,
            404)
      << "another's";
  EXPECT_EQ(Send(net::Method::kPut, location + "?digest=" + Digest::Of("half done").text(),
                 Basic(editor_))
                .status,
            201)
      << "also with the Token itself";
}

TEST_F(TokenServiceTest, AMountNeedsTheScopeOfItsSource) {
  const std::string digest = Digest::Of("content").text();
  const std::string mount = "/v2/shop/b/blobs/uploads/?mount=" + digest;
  const std::string one = Fetch("&scope=repository:shop/b:pull,push", Basic(editor_));
  EXPECT_EQ(Send(net::Method::kPost, mount + "&from=shop/a", one).status, 202);
  EXPECT_EQ(Send(net::Method::kPost, mount, one).status, 202)
      << "without a name only those in the scope are looked at";
  EXPECT_EQ(Send(net::Method::kPost, "/v2/shop/a/blobs/uploads/?mount=" + digest,
                 Fetch("&scope=repository:shop/a:push", Basic(editor_)))
                .status,
            202)
      << "it has it, but the scope is to push";
  EXPECT_EQ(
      Send(net::Method::kPost, "/v2/shop/c/blobs/uploads/?mount=" + digest,
           Fetch("&scope=repository:shop/c:pull,push&scope=repository:shop/a:pull", Basic(editor_)))
          .status,
      201);
  const std::string both =
      Fetch("&scope=repository:shop/b:pull,push&scope=repository:shop/a:pull", Basic(editor_));
  EXPECT_EQ(Send(net::Method::kPost, mount + "&from=shop/a", both).status, 201);
  const std::string open = "/v2/shop/b/blobs/uploads/?mount=" + Digest::Of("public content").text();
  EXPECT_EQ(Send(net::Method::kPost, open + "&from=open/a", one).status, 202);
  EXPECT_EQ(Send(net::Method::kPost, open + "&from=open/a", Basic(editor_)).status, 201)
      << "anybody may pull it";
}

TEST_F(TokenServiceTest, RevokingTheTokenEndsAllThatWasMadeFromIt) {
  const std::string pull = Fetch("&scope=repository:shop/a:pull", Basic(editor_));
  const TestResponse offline = Get("/token?offline_token=true", Basic(editor_));
  const std::string refresh = Json::parse(offline.body).value("refresh_token", "");
  ASSERT_THAT(refresh, Not(IsEmpty()));
  EXPECT_EQ(Get(Blob("shop/a", "content"), pull).status, 200);
  Revoke("ci");
  EXPECT_EQ(Get(Blob("shop/a", "content"), pull).status, 401);
  EXPECT_EQ(Get("/token", Basic(editor_)).status, 401);
  EXPECT_EQ(
      Send(net::Method::kPost, "/token", "", "grant_type=refresh_token&refresh_token=" + refresh)
          .status,
      401);
}

TEST_F(TokenServiceTest, OAuthForms) {
  const TestResponse password =
      Send(net::Method::kPost, "/token", "",
           "grant_type=password&username=x&password=" + editor_ +
               "&client_id=docker&service=" + Service() +
               "&access_type=offline&scope=repository%3Ashop%2Fa%3Apull+repository:open/a:pull");
  ASSERT_EQ(password.status, 200) << password.body;
  const Json answer = Json::parse(password.body);
  EXPECT_EQ(answer["token"], answer["access_token"]);
  EXPECT_EQ(answer["expires_in"], 300);
  EXPECT_EQ(answer["issued_at"], FormatRfc3339(stores_.clock.Wall()));
  EXPECT_THAT(AccessOf("Bearer " + answer["token"].get<std::string>()),
              ::testing::ElementsAre("shop/a:pull", "open/a:pull"));
  EXPECT_EQ(password.header("Cache-Control"), "no-store");
  const std::string refresh = answer["refresh_token"];
  const TestResponse again =
      Send(net::Method::kPost, "/token", "",
           "grant_type=refresh_token&refresh_token=" + refresh + "&scope=repository:shop/a:push");
  ASSERT_EQ(again.status, 200) << again.body;
  EXPECT_EQ(Json::parse(again.body)["refresh_token"], refresh);
  // Neither opens the registry by itself, nor makes a short life long.
  EXPECT_EQ(Get("/v2/", "Bearer " + refresh).status, 401);
  EXPECT_EQ(Get("/token", "Bearer " + answer["token"].get<std::string>()).status, 401);
  EXPECT_EQ(Get("/token", Basic(answer["token"])).status, 401);
  EXPECT_EQ(Send(net::Method::kPost, "/token", "",
                 "grant_type=refresh_token&refresh_token=" + answer["token"].get<std::string>())
                .status,
            401);
}

TEST_F(TokenServiceTest, RefusalsSayWhatIsWrongInBothForms) {
  struct Row {
    TestResponse response;
    int status;
    std::string code;
    std::string oauth;
    std::string words;
  };
  const auto post = [&](const std::string& form) {
    return Send(net::Method::kPost, "/token", "", form);
  };
  for (const Row& row : std::initializer_list<Row>{
           {Get("/token", Basic("wrong")), 401, "UNAUTHORIZED", "invalid_grant", "not valid here"},
           {Get("/token", "Basic !!!"), 401, "UNAUTHORIZED", "invalid_grant", ""},
           {Get("/token?service=other", Basic(editor_)), 400, "UNSUPPORTED", "invalid_request",
            "token service of slipway-"},
           {Get("/token?scope=nonsense", Basic(editor_)), 400, "UNSUPPORTED", "invalid_scope",
            "repository:NAME:ACTIONS"},
           {post(""), 400, "UNSUPPORTED", "unsupported_grant_type", "grant_type: must be"},
           {post("grant_type=authorization_code"), 400, "UNSUPPORTED", "unsupported_grant_type",
            ""},
           {post("grant_type=password&password=wrong"), 401, "UNAUTHORIZED", "invalid_grant", ""},
           {post("grant_type=refresh_token"), 401, "UNAUTHORIZED", "invalid_grant", ""},
       }) {
    EXPECT_EQ(row.response.status, row.status) << row.response.body;
    EXPECT_EQ(row.response.error_code(), row.code);
    const Json body = Json::parse(row.response.body);
    EXPECT_EQ(body["error"], row.oauth);
    EXPECT_THAT(body["error_description"].get<std::string>(), HasSubstr(row.words));
    EXPECT_THAT(row.response.body, Not(HasSubstr("\"wrong")));
    EXPECT_EQ(row.response.header("Cache-Control"), "no-store");
  }
  EXPECT_EQ(post(std::string(70'000, 'a')).status, 413);
}

TEST_F(TokenServiceTest, AnybodyPullsWhatIsPublicAndNothingMore) {
  EXPECT_EQ(Get(Blob("open/a", "public content")).body, "public content");
  EXPECT_EQ(Get("/v2/open/a/tags/list").status, 200);
  EXPECT_EQ(Get("/v2/open/a/referrers/" + Digest::Of("x").text()).status, 200);
  for (const auto& [method, target] : std::initializer_list<std::pair<net::Method, std::string>>{
           {net::Method::kPost, "/v2/open/a/blobs/uploads/"},
           {net::Method::kPut, "/v2/open/a/manifests/v1"},
           {net::Method::kDelete, "/v2/open/a/manifests/v1"},
           {net::Method::kDelete, Blob("open/a", "public content")},
           {net::Method::kGet, Blob("shop/a", "content")},
           {net::Method::kGet, "/v2/"}}) {
    EXPECT_EQ(Send(method, target, "").status, 401) << target;
  }
  const std::string pull = Fetch("&scope=repository:open/a:pull", "");
  EXPECT_EQ(Get(Blob("open/a", "public content"), pull).status, 200);
  SetPublic("open", false);
  registry_.ForgetVerdicts();
  EXPECT_EQ(Get(Blob("open/a", "public content"), pull).status, 401);
  EXPECT_EQ(Get(Blob("open/a", "public content")).status, 401);
}

TEST_F(TokenServiceTest, TheKeyIsOfTheDatabaseAndSealed) {
  trust::SecretBox secrets({}, *stores_.random);
  const auto open = [&](const trust::SecretBox& box) {
    return OpenAccessTokens(*stores_.meta, box, trust::kDefaultAccessLifetime, stores_.clock,
                            *stores_.random)
        .value();
  };
  const auto before = open(secrets);
  const std::string token = before->Sign("token/ci", "0123456789ab", {}).value().text;
  EXPECT_THAT(open(secrets)->Verify(token), IsOk()) << "after a restart";
  std::array<std::byte, trust::SecretBox::kKeyBytes> other{};
  other[0] = std::byte{1};
  const trust::SecretBox lost(other, *stores_.random);
  EXPECT_THAT(open(lost)->Verify(token), IsError(Code::kUnauthenticated, "TOKEN_INVALID"));
}

// The route table, walked as each role: with the Token itself, and with an access token made from
// it.
TEST_F(TokenServiceTest, EveryRouteForEveryRole) {
  struct Caller {
    std::string name;
    std::string spec;  // of its Token; empty: nobody
    std::string shop;  // its role in the private project
    std::string open;  // and in the public one
  };
  const auto may = [](const std::string& role, net::Access access, bool is_public) {
    if (access == net::Access::kRegistryPull) return is_public || !role.empty();
    return role == "editor" || role == "admin";
  };
  for (const Caller& caller : std::initializer_list<Caller>{
           {"nobody", "", "", ""},
           {"viewer", R"({"role":"viewer","project":"shop"})", "viewer", ""},
           {"editor", R"({"role":"editor","project":"shop"})", "editor", ""},
           {"admin", R"({"role":"admin","project":"shop"})", "admin", ""},
           {"all-viewer", R"({"role":"viewer"})", "viewer", "viewer"},
           {"all-admin", R"({"role":"admin"})", "admin", "admin"},
           {"stranger", R"({"role":"admin","project":"open"})", "", "admin"},
           {"site", R"({"role":"site"})", "", ""},
           {"packager", R"({"role":"packager","project":"shop"})", "", ""},
           {"key", R"({"role":"viewer","project":"shop","service":"fraud"})", "", ""}}) {
    const bool known = !caller.spec.empty();
    const std::string basic = known ? Basic(registry_.MakeToken(caller.name, caller.spec)) : "";
    for (const auto& [project, role] :
         std::map<std::string, std::string>{{"shop", caller.shop}, {"open", caller.open}}) {
      const std::string made = Fetch("&scope=repository:" + project + "/none:*", basic);
      for (const net::Route& route : registry_.router().routes()) {
        if (!route.pattern.starts_with("/v2")) continue;
        std::string path = route.pattern;
        for (const auto& [parameter, value] :
             std::map<std::string, std::string>{{"{name+}", project + "/none"},
                                                {"{digest}", Digest::Of("none").text()},
                                                {"{reference}", "none"},
                                                {"{session}", "none"}}) {
          if (const size_t at = path.find(parameter); at != std::string::npos) {
            path.replace(at, parameter.size(), value);
          }
        }
        for (const bool is_access_token : {false, true}) {
          const int status = Send(route.method, path, is_access_token ? made : basic).status;
          const std::string what = caller.name + (is_access_token ? " (access token) " : " ") +
                                   std::string(net::MethodName(route.method)) + " " + path + ": " +
                                   std::to_string(status);
          const bool is_version = route.access == net::Access::kRegistry;
          if (path == "/v2/_catalog" && is_access_token) continue;  // has a scope of its own
          if (is_version ? known || is_access_token : may(role, route.access, project == "open")) {
            EXPECT_TRUE(status != 401 && status != 403 && status < 500) << what;
          } else {
            EXPECT_EQ(status, known ? 403 : 401) << what;
          }
        }
      }
    }
  }
}

// The realm is where the request went, as the client or the proxy in front says.
TEST(ChallengeTest, TheRealmIsWhereTheClientIs) {
  struct Row {
    ChallengeOptions options;
    std::vector<std::pair<std::string_view, std::string_view>> headers;
    std::string realm;  // empty: Basic
  };
  for (const Row& row : std::initializer_list<Row>{
           {{}, {{"Host", "a.test"}}, "http://a.test"},
           {{}, {{"host", "[::1]:8080"}}, "http://[::1]:8080"},
           {{.has_tls = true}, {{"Host", "a.test:1"}}, "https://a.test:1"},
           {{}, {{"Host", "a.test"}, {"X-Forwarded-Proto", "https"}}, "https://a.test"},
           {{},
            {{"Host", "in"}, {"X-Forwarded-Proto", "https, http"}, {"X-Forwarded-Host", "out, in"}},
            "https://out"},
           {{}, {{"Host", "a.test"}, {"X-Forwarded-Proto", "gopher"}}, "http://a.test"},
           {{.external_url = "https://m.test"}, {{"Host", "in"}}, "https://m.test"},
           {{}, {{"Host", "a\",scope=\"x"}}, ""},
           {{}, {{"Host", "a/b"}}, ""},
           {{}, {{"Host", "u@a"}}, ""},
           {{}, {}, ""},
       }) {
    net::HttpRequest request;
    request.headers = row.headers;
    const std::string got =
        ChallengeOf(request, Unauthenticated("TOKEN_MISSING", "x"), row.options);
    if (row.realm.empty()) {
      EXPECT_EQ(got, "Basic realm=\"slipway\"");
    } else {
      EXPECT_EQ(got, "Bearer realm=\"" + row.realm + "/token\",service=\"\"");
    }
  }
}

}  // namespace
}  // namespace slipway::registry
