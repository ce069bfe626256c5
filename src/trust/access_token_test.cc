// Access tokens: what is signed, what is refused, and what they are worth.
#include <gtest/gtest.h>

#include "async/testing/run.h"
#include "base/testing/result_matchers.h"
#include "trust/access.h"
#include "trust/guard.h"

namespace slipway::trust {
namespace {

using std::chrono::seconds;

constexpr uint8_t kPull = RepositoryActions::kPull;
constexpr uint8_t kPush = RepositoryActions::kPush;
constexpr uint8_t kDelete = RepositoryActions::kDelete;

AccessTokens::Key KeyOf(uint8_t fill) {
  AccessTokens::Key key;
  key.fill(static_cast<std::byte>(fill));
  return key;
}

RepositoryScopes Scopes(std::string name, uint8_t actions) {
  return {{.name = std::move(name), .actions = RepositoryActions(actions)}};
}

// Cuts a token into header, payload and signature.
std::array<std::string, 3> Parts(const std::string& text) {
  const size_t first = text.find('.');
  const size_t last = text.rfind('.');
  return {text.substr(0, first), text.substr(first + 1, last - first - 1), text.substr(last + 1)};
}

class AccessTokenTest : public testing::Test {
 protected:
  std::string Sign(const RepositoryScopes& scopes = {}) {
    return tokens_.Sign("token/ci", "0123456789ab", scopes).value().text;
  }

  FakeClock clock_;
  std::unique_ptr<Random> random_ = MakeSeededRandom(5);
  AccessTokens tokens_{KeyOf(1), {.service = "slipway-a"}, clock_, *random_};
};

TEST_F(AccessTokenTest, SaysWhatWasSigned) {
  const RepositoryScopes scopes = {{"shop/a", RepositoryActions(kPull | kPush)},
                                   {"b", RepositoryActions(kDelete)}};
  const SignedToken made = tokens_.Sign("token/ci", "0123456789ab", scopes).value();
  EXPECT_EQ(made.lifetime, kDefaultAccessLifetime);
  const AccessClaims claims = tokens_.Verify(made.text).value();
  EXPECT_EQ(claims.subject, "token/ci");
  EXPECT_EQ(claims.token_id, "0123456789ab");
  EXPECT_EQ(claims.scopes, scopes);
  EXPECT_EQ(claims.issued_at, made.issued_at);
  EXPECT_EQ(claims.expires_at, made.issued_at + made.lifetime);
  EXPECT_NE(Sign(), Sign()) << "each has an id of its own";
}

TEST_F(AccessTokenTest, IsAJsonWebToken) {
  const auto [header, payload, signature] = Parts(Sign());
  EXPECT_EQ(header, "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9");  // {"alg":"HS256","typ":"at+jwt"}
  EXPECT_EQ(signature.size(), 43u);
  EXPECT_EQ(payload.find_first_of("+/="), std::string::npos);
}

TEST_F(AccessTokenTest, EveryChangedByteIsRefused) {
  const std::string text = Sign(Scopes("shop/a", kPull));
  for (size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_THAT(tokens_.Verify(changed), IsError(Code::kUnauthenticated, "TOKEN_INVALID")) << at;
  }
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_THAT(tokens_.Verify(text.substr(0, size)),
                IsError(Code::kUnauthenticated, "TOKEN_INVALID"));
  }
}

TEST_F(AccessTokenTest, TheAlgorithmIsNotTheTokensChoice) {
  const auto [header, payload, signature] = Parts(Sign());
  // {"alg":"none"}, {"alg":"none","typ":"JWT"}, {"alg":"HS256","typ":"JWT"}, {"alg":"RS256",...}
  for (const std::string other :
       {"eyJhbGciOiJub25lIn0", "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9"}) {
    for (const std::string& end : {signature, std::string()}) {
      EXPECT_THAT(tokens_.Verify(other + "." + payload + "." + end),
                  IsError(Code::kUnauthenticated, "TOKEN_INVALID"));
    }
  }
  EXPECT_THAT(tokens_.Verify(header + "." + payload + "."),
              IsError(Code::kUnauthenticated, "TOKEN_INVALID"));
  EXPECT_THAT(tokens_.Verify(header + "." + payload + "." + signature + "." + signature),
              IsError(Code::kUnauthenticated, "TOKEN_INVALID"));
}

TEST_F(AccessTokenTest, AnotherServiceOrKeyIsRefused) {
  const AccessTokens other_key(KeyOf(2), {.service = "slipway-a"}, clock_, *random_);
  const AccessTokens other_service(KeyOf(1), {.service = "slipway-b"}, clock_, *random_);
  for (const AccessTokens* other : {&other_key, &other_service}) {
    EXPECT_THAT(other->Verify(Sign()), IsError(Code::kUnauthenticated, "TOKEN_INVALID"));
    EXPECT_THAT(other->VerifyRefresh(tokens_.SignRefresh("token/ci", "0123456789ab")),
                IsError(Code::kUnauthenticated, "TOKEN_INVALID"));
  }
}

TEST_F(AccessTokenTest, RefreshAndAccessAreNotTheSame) {
  const std::string refresh = tokens_.SignRefresh("token/ci", "0123456789ab");
  EXPECT_EQ(tokens_.VerifyRefresh(refresh).value(), "0123456789ab");
  EXPECT_THAT(tokens_.Verify(refresh), IsError(Code::kUnauthenticated, "TOKEN_INVALID"));
  EXPECT_THAT(tokens_.VerifyRefresh(Sign()), IsError(Code::kUnauthenticated, "TOKEN_INVALID"));
}

TEST_F(AccessTokenTest, IsBounded) {
  RepositoryScopes scopes;
  for (size_t i = 0; i < kMaxScopes; ++i) {
    scopes.push_back({std::string(255, static_cast<char>('a' + i)), RepositoryActions::All()});
  }
  EXPECT_LE(Sign(scopes).size(), kMaxAccessTokenBytes);
  scopes.resize(2 * kMaxScopes, scopes.front());
  EXPECT_THAT(tokens_.Sign("token/ci", "0123456789ab", scopes),
              IsError(Code::kInvalidArgument, "SCOPES_TOO_MANY"));
  EXPECT_THAT(tokens_.Verify(Sign() + std::string(kMaxAccessTokenBytes, 'A')),
              IsError(Code::kUnauthenticated, "TOKEN_INVALID"));
}

TEST_F(AccessTokenTest, TimesFollowTheClockWithALeeway) {
  const AccessClaims claims = tokens_.Verify(Sign()).value();
  EXPECT_THAT(tokens_.CheckTimes(claims), IsOk());
  clock_.JumpWall(-kClockLeeway);
  EXPECT_THAT(tokens_.CheckTimes(claims), IsOk());
  clock_.JumpWall(seconds(-2));
  EXPECT_THAT(tokens_.CheckTimes(claims), IsError(Code::kUnauthenticated, "TOKEN_INVALID"))
      << "a clock that was set back does not make it live longer";
  clock_.JumpWall(kClockLeeway + seconds(2) + kDefaultAccessLifetime + kClockLeeway - seconds(1));
  EXPECT_THAT(tokens_.CheckTimes(claims), IsOk());
  clock_.JumpWall(seconds(1));
  EXPECT_THAT(tokens_.CheckTimes(claims), IsError(Code::kUnauthenticated, "TOKEN_EXPIRED"));
}

TEST(Scopes, AreReadAsClientsWriteThem) {
  struct Row {
    std::string_view text;
    RepositoryScopes scopes;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"", {}},
           {"  ", {}},
           {"repository:a:pull", Scopes("a", kPull)},
           {"repository:team/a:pull,push", Scopes("team/a", kPull | kPush)},
           {"repository:a:push,pull,delete", Scopes("a", kPull | kPush | kDelete)},
           {"repository:a:*", Scopes("a", kPull | kPush | kDelete)},
           {"repository:a:pull repository:a:push", Scopes("a", kPull | kPush)},
           {"repository(plugin):a:pull", Scopes("a", kPull)},
           {"repository:host:5000/a:pull", Scopes("host:5000/a", kPull)},
           {"repository:a:mount,pull", Scopes("a", kPull)},
           {"repository:a:", Scopes("a", 0)},
           {"registry:catalog:*", Scopes("_catalog", kPull)},
           {"registry:other:*", {}},
           {"plugin:catalog:*", {}},
       }) {
    EXPECT_EQ(ParseScopes(row.text).value(), row.scopes) << row.text;
  }
  for (const std::string& text :
       {std::string("repository"), std::string("repository:a"), std::string("repository::pull"),
        std::string(":a:pull"), std::string("(x):a:pull"),
        "repository:" + std::string(kMaxScopeBytes, 'a') + ":pull"}) {
    EXPECT_THAT(ParseScopes(text), IsError(Code::kInvalidArgument, "SCOPE_INVALID")) << text;
  }
  std::string many;
  for (size_t i = 0; i <= kMaxScopes; ++i) many += " repository:a" + std::to_string(i) + ":pull";
  EXPECT_THAT(ParseScopes(many), IsError(Code::kInvalidArgument, "SCOPES_TOO_MANY"));
}

TEST(Scopes, AShortNameIsOfTheDefaultProject) {
  const RepositoryScopes scopes = Scopes("a", kPull);
  EXPECT_EQ(ActionsOn(scopes, "a", "default"), RepositoryActions(kPull));
  EXPECT_EQ(ActionsOn(scopes, "default/a", "default"), RepositoryActions(kPull));
  for (const std::string_view other : {"b", "other/a", "default/b/a", "xdefault/a", "defaulta"}) {
    EXPECT_TRUE(ActionsOn(scopes, other, "default").empty()) << other;
  }
  EXPECT_EQ(ActionsOn(Scopes("default/a", kPush), "a", "default"), RepositoryActions(kPush));
  EXPECT_TRUE(ActionsOn(Scopes("default/x/a", kPush), "x/a", "default").empty());
}

Task<Result<bool>> Is(bool value) {
  co_return value;
}

Task<net::HttpResponse> Ok(net::HttpRequest& request) {
  co_return net::HttpResponse::Text(200, request.context.identity.subject);
}

// One Token, its access tokens, and routes of every rule that they may meet.
class AccessTokenGuardTest : public testing::Test {
 protected:
  AccessTokenGuardTest() {
    record_.secret_sha256 = token_.secret_sha256;
    using enum net::Method;
    router_.Add({kGet, "/v2/", net::Access::kRegistry, Ok, ""});
    router_.Add({kGet, "/v2/{name+}/manifests/x", net::Access::kRegistryPull, Ok, ""});
    router_.Add({kPut, "/v2/{name+}/manifests/x", net::Access::kRegistryPush, Ok, ""});
    router_.Add({kDelete, "/v2/{name+}/manifests/x", net::Access::kRegistryDelete, Ok, ""});
    router_.Add({kGet, std::string(kCatalogPattern), net::Access::kRegistry, Ok, ""});
    router_.Add({kGet, "/zips/{project}/{model}", net::Access::kRegistryPull, Ok, ""});
    router_.Add({kGet, "/explain", net::Access::kIdentified, Ok, ""});
    router_.Add({kGet, "/open", net::Access::kOpen, Ok, ""});
    router_.Add({kGet, "/{project}/x", net::Access::kViewer, Ok, ""});
    router_.SetErrorWriter("", [this](const net::HttpRequest&, const Error& error) {
      reason_ = error.reason();
      return net::ProblemResponse(error);
    });
    router_.SetGuard(MakeGuard(
        {.authenticator = &authenticator_, .anonymous_pull = [this](const std::string& project) {
           return Is(project == public_project_);
         }}));
  }

  std::string Bearer(const RepositoryScopes& scopes) {
    return "Bearer " + tokens_.Sign("token/ci", token_.id, scopes).value().text;
  }
  std::string NobodysBearer(const RepositoryScopes& scopes) {
    return "Bearer " + tokens_.Sign("", "", scopes).value().text;
  }

  // "200", or the reason of the refusal.
  std::string Send(net::Method method, std::string_view path, const std::string& authorization) {
    net::HttpRequest request;
    request.method = method;
    request.path = path;
    request.peer_is_loopback = true;
    if (!authorization.empty()) request.headers.emplace_back("authorization", authorization);
    const int status = RunSync(router_.Handle(request)).status;
    subject_ = request.context.identity.subject;
    return status == 200 ? "200" : reason_;
  }
  std::string Get(std::string_view path, const std::string& authorization) {
    return Send(net::Method::kGet, path, authorization);
  }

  Result<TokenRecord> Find(const std::string& id) {
    if (id != token_.id || revoked_) return NotFound("TOKEN_UNKNOWN", "unknown");
    return record_;
  }

  FakeClock clock_;
  std::unique_ptr<Random> random_ = MakeSeededRandom(6);
  NewToken token_ = MakeToken(*random_);
  TokenRecord record_{.name = "ci",
                      .secret_sha256 = "",
                      .grant = {.role = Role::kEditor, .project = "shop", .service = ""},
                      .expires_at = std::nullopt};
  bool revoked_ = false;
  std::string public_project_;
  AccessTokens tokens_{KeyOf(1), {.service = "slipway-a"}, clock_, *random_};
  Authenticator authenticator_{
      [this](const std::string& id) { return Find(id); }, clock_, {.access_tokens = &tokens_}};
  net::Router router_;
  std::string reason_;
  std::string subject_;
};

TEST_F(AccessTokenGuardTest, OpensItsRepositoryAndActionAlone) {
  const std::string pull = Bearer(Scopes("shop/a", kPull));
  EXPECT_EQ(Get("/v2/", pull), "200");
  EXPECT_EQ(Get("/v2/shop/a/manifests/x", pull), "200");
  EXPECT_EQ(subject_, "token/ci");
  EXPECT_EQ(Get("/v2/shop/b/manifests/x", pull), "SCOPE_MISSING");
  EXPECT_EQ(Send(net::Method::kPut, "/v2/shop/a/manifests/x", pull), "SCOPE_MISSING");
  EXPECT_EQ(Send(net::Method::kDelete, "/v2/shop/a/manifests/x", pull), "SCOPE_MISSING");
  const std::string push = Bearer(Scopes("shop/a", kPush));
  EXPECT_EQ(Get("/v2/shop/a/manifests/x", push), "SCOPE_MISSING");
  EXPECT_EQ(Send(net::Method::kPut, "/v2/shop/a/manifests/x", push), "200");
  EXPECT_EQ(Send(net::Method::kDelete, "/v2/shop/a/manifests/x", push), "SCOPE_MISSING");
  EXPECT_EQ(Send(net::Method::kDelete, "/v2/shop/a/manifests/x", Bearer(Scopes("shop/a", kDelete))),
            "200");
}

TEST_F(AccessTokenGuardTest, TheCatalogHasAScopeOfItsOwn) {
  EXPECT_EQ(Get("/v2/_catalog", Bearer(Scopes("shop/a", kPull))), "SCOPE_MISSING");
  EXPECT_EQ(Get("/v2/_catalog", Bearer(ParseScopes("registry:catalog:*").value())), "200");
  EXPECT_EQ(Get("/v2/_catalog", "Bearer " + token_.text), "200");
  EXPECT_EQ(Get("/v2/_catalog", NobodysBearer(ParseScopes("registry:catalog:*").value())),
            "TOKEN_MISSING");
  EXPECT_EQ(Get("/v2/_catalog", ""), "TOKEN_MISSING");
}

TEST_F(AccessTokenGuardTest, OpensNothingElse) {
  const std::string all = Bearer(Scopes("shop/a", kPull | kPush | kDelete));
  EXPECT_EQ(Get("/shop/x", all), "TOKEN_OF_REGISTRY");
  EXPECT_EQ(Get("/explain", all), "TOKEN_OF_REGISTRY");
  EXPECT_EQ(Get("/open", all), "200");
  EXPECT_EQ(subject_, "") << "not even where it is asked for nothing";
  EXPECT_EQ(Get("/shop/x", "Bearer " + token_.text), "200");
  EXPECT_EQ(Get("/v2/", "Bearer " + tokens_.SignRefresh("token/ci", token_.id)), "TOKEN_INVALID");
}

// Other doors to what the registry has have no scopes: there the Token itself is needed.
TEST_F(AccessTokenGuardTest, OpensNoRouteThatNamesARepositoryOtherwise) {
  EXPECT_EQ(Get("/zips/shop/a", Bearer(Scopes("shop/a", kPull))), "TOKEN_OF_REGISTRY");
  EXPECT_EQ(Get("/zips/shop/a", "Bearer " + token_.text), "200");
  EXPECT_EQ(Get("/zips/open/a", ""), "TOKEN_MISSING");
  public_project_ = "open";
  EXPECT_EQ(Get("/zips/open/a", ""), "200");
  EXPECT_EQ(Get("/zips/open/a", NobodysBearer(Scopes("open/a", kPull))), "TOKEN_OF_REGISTRY");
}

TEST_F(AccessTokenGuardTest, IsWorthWhatItsTokenIsWorthNow) {
  const std::string push = Bearer(Scopes("shop/a", kPull | kPush));
  EXPECT_EQ(Send(net::Method::kPut, "/v2/shop/a/manifests/x", push), "200");
  record_.grant.role = Role::kViewer;
  authenticator_.Forget(token_.id);
  EXPECT_EQ(Send(net::Method::kPut, "/v2/shop/a/manifests/x", push), "ROLE_MISSING");
  EXPECT_EQ(Get("/v2/shop/a/manifests/x", push), "200");
  record_.expires_at = clock_.Wall();
  authenticator_.Forget(token_.id);
  EXPECT_EQ(Get("/v2/shop/a/manifests/x", push), "TOKEN_EXPIRED");
  record_.expires_at.reset();
  authenticator_.Forget(token_.id);
  EXPECT_EQ(Get("/v2/shop/a/manifests/x", push), "200");
  revoked_ = true;
  EXPECT_EQ(Get("/v2/shop/a/manifests/x", push), "200") << "cached";
  authenticator_.Forget(token_.id);
  EXPECT_EQ(Get("/v2/shop/a/manifests/x", push), "TOKEN_INVALID");
}

TEST_F(AccessTokenGuardTest, NamesBeyondItsTokensRolesAreOfNoUse) {
  const std::string other = Bearer(Scopes("other/a", kPull | kPush));
  EXPECT_EQ(Get("/v2/other/a/manifests/x", other), "ROLE_MISSING");
}

TEST_F(AccessTokenGuardTest, Expires) {
  const std::string pull = Bearer(Scopes("shop/a", kPull));
  EXPECT_EQ(Get("/v2/shop/a/manifests/x", pull), "200");
  clock_.Advance(kDefaultAccessLifetime + kClockLeeway);
  EXPECT_EQ(Get("/v2/shop/a/manifests/x", pull), "TOKEN_EXPIRED");
}

TEST_F(AccessTokenGuardTest, AnybodyPullsWhereTheProjectSaysSo) {
  public_project_ = "open";
  EXPECT_EQ(Get("/v2/open/a/manifests/x", ""), "200");
  EXPECT_EQ(subject_, "");
  EXPECT_EQ(Get("/v2/open/a/manifests/x", "Bearer " + token_.text), "200");
  EXPECT_EQ(Get("/v2/open/a/manifests/x", "Bearer wrong"), "TOKEN_INVALID");
  EXPECT_EQ(Send(net::Method::kPut, "/v2/open/a/manifests/x", ""), "TOKEN_MISSING");
  EXPECT_EQ(Send(net::Method::kDelete, "/v2/open/a/manifests/x", ""), "TOKEN_MISSING");
  EXPECT_EQ(Send(net::Method::kPut, "/v2/open/a/manifests/x", "Bearer " + token_.text),
            "ROLE_MISSING");
  EXPECT_EQ(Get("/v2/", ""), "TOKEN_MISSING") << "so that clients learn of the token service";
  EXPECT_EQ(Get("/v2/shop/a/manifests/x", ""), "TOKEN_MISSING");
  EXPECT_EQ(Get("/open/x", ""), "TOKEN_MISSING") << "the API stays closed";
}

TEST_F(AccessTokenGuardTest, ATokenForNobodyPullsWhatAnybodyMay) {
  public_project_ = "open";
  const std::string pull = NobodysBearer(Scopes("open/a", kPull | kPush));
  EXPECT_EQ(Get("/v2/", pull), "200");
  EXPECT_EQ(Get("/v2/open/a/manifests/x", pull), "200");
  EXPECT_EQ(Get("/v2/open/b/manifests/x", pull), "SCOPE_MISSING");
  EXPECT_EQ(Send(net::Method::kPut, "/v2/open/a/manifests/x", pull), "TOKEN_MISSING");
  public_project_ = "";
  EXPECT_EQ(Get("/v2/open/a/manifests/x", pull), "TOKEN_MISSING") << "at once";
}

TEST_F(AccessTokenGuardTest, SignaturesAreLookedAtOnceAndRememberedByHash) {
  const std::string pull = Bearer(Scopes("shop/a", kPull));
  EXPECT_EQ(Get("/v2/shop/a/manifests/x", pull), "200");
  for (size_t at = 7; at < pull.size(); at += 17) {
    std::string changed = pull;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_NE(Get("/v2/shop/a/manifests/x", changed), "200") << at;
  }
  EXPECT_EQ(Get("/v2/shop/a/manifests/x", pull), "200");
}

}  // namespace
}  // namespace slipway::trust
