#include <sys/stat.h>

#include <set>

#include <gtest/gtest.h>

#include "async/testing/run.h"
#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"
#include "trust/guard.h"
#include "trust/recheck.h"
#include "trust/secret_box.h"

namespace slipway::trust {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

// One known token.
class AuthenticatorTest : public testing::Test {
 protected:
  AuthenticatorTest() : random_(MakeSeededRandom(3)), token_(MakeToken(*random_)) {
    record_ = {.name = "ci",
               .secret_sha256 = token_.secret_sha256,
               .grant = {.role = Role::kEditor, .project = "shop"}};
  }

  Authenticator Make(bool anonymous = false) {
    auto lookup = [this](const std::string& id) -> Result<TokenRecord> {
      ++lookups_;
      if (broken_) return Unavailable("STORE_DOWN", "down");
      if (id != token_.id || revoked_) return NotFound("TOKEN_UNKNOWN", "unknown");
      return record_;
    };
    return Authenticator(lookup, clock_, {.anonymous = anonymous});
  }

  static net::HttpRequest Request(std::string_view authorization, bool loopback = true) {
    net::HttpRequest request;
    if (!authorization.empty()) request.headers.emplace_back("authorization", authorization);
    request.peer_is_loopback = loopback;
    return request;
  }

  static std::string Basic(std::string_view user, std::string_view password) {
    static constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string plain = std::string(user) + ":" + std::string(password);
    std::string out;
    for (size_t i = 0; i < plain.size(); i += 3) {
      uint32_t group = 0;
      for (size_t j = 0; j < 3; ++j) {
        uint8_t byte = i + j < plain.size() ? static_cast<uint8_t>(plain[i + j]) : 0;
        group = group << 8 | byte;
      }
      for (size_t j = 0; j < 4; ++j) {
        out += i + j <= plain.size() ? kAlphabet[group >> (18 - 6 * j) & 63] : '=';
      }
    }
    return "Basic " + out;
  }

  FakeClock clock_;
  std::unique_ptr<Random> random_;
  NewToken token_;
  TokenRecord record_;
  int lookups_ = 0;
  bool revoked_ = false;
  bool broken_ = false;
};

TEST_F(AuthenticatorTest, TakesBearerAndBasic) {
  Authenticator authenticator = Make();
  for (const std::string& header :
       {"Bearer " + token_.text, "bearer  " + token_.text, Basic("any", token_.text),
        Basic("", token_.text), Basic("ab", token_.text)}) {
    Result<Identity> identity = authenticator.Authenticate(Request(header));
    ASSERT_THAT(identity, IsOk()) << header;
    EXPECT_EQ(identity->subject, "token/ci");
    EXPECT_EQ(RoleIn(*identity, "shop"), Role::kEditor);
  }
  EXPECT_EQ(lookups_, 1);
}

TEST_F(AuthenticatorTest, RefusesEverythingElse) {
  Authenticator authenticator = Make();
  EXPECT_THAT(authenticator.Authenticate(Request("")),
              IsError(Code::kUnauthenticated, "TOKEN_MISSING"));
  std::string other = token_.text;
  other[6] = other[6] == '0' ? '1' : '0';  // another id
  std::string wrong = token_.text;
  wrong.back() = wrong.back() == 'a' ? 'b' : 'a';
  for (const std::string& header :
       {std::string("Digest x"), std::string("Bearer"), std::string("Bearer "),
        "Bearer" + token_.text, std::string("Basic"), std::string("Basic ====="),
        std::string("Basic !!!!"), std::string("Basic YWJj"), "Bearer " + token_.text + "x",
        "Bearer " + other, "Bearer " + wrong, "Bearer " + token_.text.substr(0, 20),
        std::string("Bearer slw__"), "Bearer " + std::string(5000, 'x'),
        "Bearer slw_" + token_.id + "_", Basic("any", wrong), Basic("x", std::string(2000, 'y')),
        std::string(7, ' ')}) {
    EXPECT_THAT(authenticator.Authenticate(Request(header)),
                IsError(Code::kUnauthenticated, "TOKEN_INVALID"))
        << header;
  }
}

TEST_F(AuthenticatorTest, SentTokenIsWhatTheHeaderHolds) {
  EXPECT_EQ(SentToken(Request("")), std::nullopt);
  EXPECT_EQ(SentToken(Request("Bearer abc")), "abc");
  EXPECT_EQ(SentToken(Request(Basic("user", "a:b"))), "a:b");
  EXPECT_EQ(SentToken(Request("Digest abc")), "");
  EXPECT_EQ(SentToken(Request("Basic abc")), "");
}

TEST_F(AuthenticatorTest, AnonymousIsForLoopbackWithoutAToken) {
  Authenticator authenticator = Make(true);
  Result<Identity> identity = authenticator.Authenticate(Request(""));
  ASSERT_THAT(identity, IsOk());
  EXPECT_EQ(identity->subject, "anonymous");
  EXPECT_EQ(RoleIn(*identity, ""), Role::kAdmin);
  EXPECT_THAT(authenticator.Authenticate(Request("", false)),
              IsError(Code::kUnauthenticated, "TOKEN_MISSING"));
  EXPECT_THAT(authenticator.Authenticate(Request("Bearer x")),
              IsError(Code::kUnauthenticated, "TOKEN_INVALID"));
}

TEST_F(AuthenticatorTest, VerdictsAreCachedByTheSteadyClock) {
  Authenticator authenticator = Make();
  ASSERT_THAT(authenticator.AuthenticateToken(token_.text), IsOk());
  revoked_ = true;
  clock_.JumpWall(hours(1000));
  EXPECT_THAT(authenticator.AuthenticateToken(token_.text), IsOk());
  clock_.Advance(milliseconds(2000));
  EXPECT_THAT(authenticator.AuthenticateToken(token_.text), IsOk());
  clock_.Advance(milliseconds(1));
  EXPECT_THAT(authenticator.AuthenticateToken(token_.text),
              IsError(Code::kUnauthenticated, "TOKEN_INVALID"));
  // That it is unknown is remembered as well, and can be forgotten.
  revoked_ = false;
  EXPECT_EQ(lookups_, 2);
  EXPECT_THAT(authenticator.AuthenticateToken(token_.text),
              IsError(Code::kUnauthenticated, "TOKEN_INVALID"));
  EXPECT_EQ(lookups_, 2);
  authenticator.Forget(token_.id);
  EXPECT_THAT(authenticator.AuthenticateToken(token_.text), IsOk());
}

TEST_F(AuthenticatorTest, ExpiryFollowsTheWallClock) {
  record_.expires_at = clock_.Wall() + hours(1);
  Authenticator authenticator = Make();
  ASSERT_THAT(authenticator.AuthenticateToken(token_.text), IsOk());
  clock_.JumpWall(hours(1));
  EXPECT_THAT(authenticator.AuthenticateToken(token_.text),
              IsError(Code::kUnauthenticated, "TOKEN_EXPIRED"));
  clock_.JumpWall(hours(-2));
  EXPECT_THAT(authenticator.AuthenticateToken(token_.text), IsOk());
}

TEST_F(AuthenticatorTest, AStoreAtFaultIsNoVerdict) {
  Authenticator authenticator = Make();
  broken_ = true;
  EXPECT_THAT(authenticator.AuthenticateToken(token_.text),
              IsError(Code::kUnavailable, "STORE_DOWN"));
  broken_ = false;
  EXPECT_THAT(authenticator.AuthenticateToken(token_.text), IsOk());
}

TEST_F(AuthenticatorTest, AFloodOfUnknownIdsKeepsAKnownTokenWorking) {
  Authenticator authenticator = Make();
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_FALSE(authenticator.AuthenticateToken(MakeToken(*random_).text).has_value());
    if (i % 1000 == 0) {
      ASSERT_THAT(authenticator.AuthenticateToken(token_.text), IsOk());
    }
  }
}

TEST_F(AuthenticatorTest, AStreamIsCheckedAgain) {
  Authenticator authenticator = Make(true);
  Recheck still;
  Recheck anonymous;
  {
    const std::string header = "Bearer " + token_.text;
    net::HttpRequest request = Request(header);
    request.context.identity = authenticator.Authenticate(request).value();
    still = MakeRecheck(authenticator, request);
    anonymous = MakeRecheck(authenticator, Request(""));
  }
  EXPECT_THAT(still(), IsOk());
  record_.grant.role = Role::kViewer;
  authenticator.Forget(token_.id);
  EXPECT_THAT(still(), IsError(Code::kPermissionDenied, "TOKEN_CHANGED"));
  record_.grant.role = Role::kEditor;
  record_.expires_at = clock_.Wall() + hours(1);
  authenticator.Forget(token_.id);
  EXPECT_THAT(still(), IsOk());
  revoked_ = true;
  EXPECT_THAT(still(), IsOk()) << "cached";
  authenticator.Forget(token_.id);
  EXPECT_THAT(still(), IsError(Code::kUnauthenticated, "TOKEN_REVOKED"));
  EXPECT_THAT(anonymous(), IsOk());
}

TEST(Token, HasAnIdAndASecretOfItsOwn) {
  std::set<std::string> texts;
  for (int i = 0; i < 100; ++i) {
    NewToken token = MakeToken(SystemRandom());
    EXPECT_EQ(TokenId(token.text), token.id);
    EXPECT_EQ(token.secret_sha256, HashToken(token.text));
    EXPECT_EQ(token.text.size(), 4u + 12 + 1 + 52);
    texts.insert(token.text);
  }
  EXPECT_EQ(texts.size(), 100u);
  for (std::string_view wrong : {"", "slw_", "slw_0123456789ab", "slw_0123456789ab_",
                                 "slw_0123456789aX_x", "xlw_0123456789ab_x"}) {
    EXPECT_EQ(TokenId(wrong), std::nullopt) << wrong;
  }
}

Identity With(Role role, std::string project, std::string service = {}) {
  return {.subject = "token/t",
          .grants = {{.role = role, .project = std::move(project), .service = std::move(service)}}};
}

TEST(Access, EveryRuleForEveryRole) {
  using net::Access;
  const Identity nobody;
  const Identity viewer = With(Role::kViewer, "shop");
  const Identity editor = With(Role::kEditor, "shop");
  const Identity admin = With(Role::kAdmin, "shop");
  const Identity all_viewer = With(Role::kViewer, "");
  const Identity all_admin = With(Role::kAdmin, "");
  const Identity site = With(Role::kSite, "");
  const Identity packager = With(Role::kPackager, "shop");
  const Identity key = With(Role::kViewer, "shop", "fraud");
  const Identity stranger = With(Role::kAdmin, "other");
  struct Row {
    Access rule;
    // nobody, viewer, editor, admin, all_viewer, all_admin, site, packager, key, stranger
    std::string_view verdicts;  // y: may; n: PERMISSION_DENIED; u: UNAUTHENTICATED
  };
  for (const Row& row : std::initializer_list<Row>{{Access::kOpen, "yyyyyyyyyy"},
                                                   {Access::kLocal, "uyyyyynnny"},
                                                   {Access::kIdentified, "uyyyyyyyyy"},
                                                   {Access::kInference, "uyyyyyyyyy"},
                                                   {Access::kViewer, "uyyyyynnnn"},
                                                   {Access::kEditor, "unyynynnnn"},
                                                   {Access::kAdmin, "unnynynnnn"},
                                                   {Access::kGlobalViewer, "unnnyynnnn"},
                                                   {Access::kGlobalAdmin, "unnnnynnnn"},
                                                   {Access::kControl, "unnnnynnnn"},
                                                   {Access::kRegistryPull, "uyyyyynnnn"},
                                                   {Access::kRegistry, "uyyyyyyyyy"},
                                                   {Access::kRegistryPush, "unyynynnnn"},
                                                   {Access::kRegistryDelete, "unyynynnnn"}}) {
    std::string got;
    for (const Identity* who : {&nobody, &viewer, &editor, &admin, &all_viewer, &all_admin, &site,
                                &packager, &key, &stranger}) {
      Result<void> verdict = CheckAccess(row.rule, *who, "shop", true);
      got += verdict.has_value()                                 ? 'y'
             : verdict.error().code() == Code::kPermissionDenied ? 'n'
                                                                 : 'u';
      if (got.back() == 'n') EXPECT_EQ(verdict.error().reason(), "ROLE_MISSING");
      if (got.back() == 'u') EXPECT_EQ(verdict.error().reason(), "TOKEN_MISSING");
    }
    EXPECT_EQ(got, row.verdicts) << net::AccessName(row.rule);
  }
}

TEST(Access, APushMakesAProjectForWhoMayCreateOne) {
  EXPECT_THAT(CheckAccess(net::Access::kRegistryPush, With(Role::kAdmin, ""), "new", false),
              IsOk());
  EXPECT_THAT(CheckAccess(net::Access::kRegistryPush, With(Role::kEditor, ""), "new", false),
              IsError(Code::kPermissionDenied, "ROLE_MISSING"));
  EXPECT_THAT(CheckAccess(net::Access::kRegistryPush, With(Role::kAdmin, "new"), "new", false),
              IsError(Code::kPermissionDenied, "ROLE_MISSING"));
  EXPECT_THAT(CheckAccess(net::Access::kRegistryPush, {}, "new", false),
              IsError(Code::kUnauthenticated, "TOKEN_MISSING"));
}

TEST(Access, ARefusedPushDoesNotTellOfForeignProjects) {
  const Identity stranger = With(Role::kAdmin, "shop");
  const auto push = [&](const Identity& who, bool exists) {
    return CheckAccess(net::Access::kRegistryPush, who, "other", exists).error().message();
  };
  EXPECT_EQ(push(stranger, true), push(stranger, false));
  const Identity reader = With(Role::kViewer, "");
  EXPECT_NE(push(reader, true), push(reader, false)) << "he can see it anyway";
}

TEST(Access, ServiceKeysOnlyInfer) {
  const Identity key = With(Role::kViewer, "shop", "fraud");
  EXPECT_TRUE(MayInfer(key, "shop", "fraud"));
  EXPECT_FALSE(MayInfer(key, "shop", "other"));
  EXPECT_FALSE(MayInfer(key, "default", "fraud"));
  EXPECT_FALSE(HoldsAnyRole(key));
  EXPECT_TRUE(MayInfer(With(Role::kViewer, ""), "shop", "fraud"));
  EXPECT_FALSE(MayInfer(With(Role::kSite, ""), "shop", "fraud"));
}

class GuardTest : public AuthenticatorTest {
 protected:
  Result<void> Check(net::Access access, std::string_view authorization,
                     std::vector<std::pair<std::string_view, std::string>> parameters,
                     bool loopback = true) {
    Authenticator authenticator = Make();
    net::Guard guard =
        MakeGuard({.authenticator = &authenticator, .project_exists = [this](std::string project) {
                     return Exists(std::move(project));
                   }});
    net::Route route{.access = access};
    net::HttpRequest request = Request(authorization, loopback);
    request.parameters = std::move(parameters);
    Result<void> verdict = RunSync(guard(route, request));
    subject_ = request.context.identity.subject;
    return verdict;
  }
  Task<Result<bool>> Exists(std::string project) {
    asked_ = project;
    co_return project == "shop";
  }

  std::string asked_;
  std::string subject_;
};

TEST_F(GuardTest, FindsTheProject) {
  std::string header = "Bearer " + token_.text;  // an editor of shop
  EXPECT_THAT(Check(net::Access::kEditor, header, {{"project", "shop"}}), IsOk());
  EXPECT_EQ(subject_, "token/ci");
  EXPECT_THAT(Check(net::Access::kEditor, header, {{"project", "default"}}),
              IsError(Code::kPermissionDenied, "ROLE_MISSING"));
  EXPECT_THAT(Check(net::Access::kRegistryPush, header, {{"name", "shop/a/b"}}), IsOk());
  EXPECT_EQ(asked_, "shop");
  EXPECT_THAT(Check(net::Access::kRegistryPull, header, {{"name", "shop/a"}}), IsOk());
  EXPECT_THAT(Check(net::Access::kRegistryPull, header, {{"name", "shop"}}),
              IsError(Code::kPermissionDenied, "ROLE_MISSING"));
  EXPECT_THAT(Check(net::Access::kRegistryPush, header, {{"name", "new/a"}}),
              IsError(Code::kPermissionDenied, "ROLE_MISSING"));
}

TEST_F(GuardTest, OpenRoutesNeedNobody) {
  EXPECT_THAT(Check(net::Access::kOpen, "", {}), IsOk());
  EXPECT_EQ(subject_, "");
  EXPECT_THAT(Check(net::Access::kOpen, "Bearer wrong", {}), IsOk());
  EXPECT_THAT(Check(net::Access::kLocal, "", {}), IsOk());
  EXPECT_THAT(Check(net::Access::kLocal, "", {}, false),
              IsError(Code::kUnauthenticated, "TOKEN_MISSING"));
  EXPECT_THAT(Check(net::Access::kLocal, "Bearer " + token_.text, {}, false), IsOk());
  EXPECT_THAT(Check(net::Access::kIdentified, "", {}),
              IsError(Code::kUnauthenticated, "TOKEN_MISSING"));
  EXPECT_THAT(Check(net::Access::kIdentified, "Bearer " + token_.text, {}), IsOk());
}

TEST(SecretBox, OpensOnlyWhatItSealed) {
  auto random = MakeSeededRandom(5);
  std::array<std::byte, SecretBox::kKeyBytes> key{};
  SecretBox box(key, *random);
  for (const std::string& plain : {std::string(), std::string("x"), std::string(100'000, 'y')}) {
    std::string sealed = box.Seal(plain, "label");
    EXPECT_EQ(*box.Open(sealed, "label"), plain);
    EXPECT_NE(box.Seal(plain, "label"), sealed);  // another nonce
    EXPECT_THAT(box.Open(sealed, "other"), IsError(Code::kDataLoss, "SECRET_UNREADABLE"));
    for (size_t at : {size_t{0}, size_t{1}, size_t{13}, sealed.size() - 1}) {
      std::string changed = sealed;
      changed[at] = static_cast<char>(changed[at] ^ 1);
      EXPECT_THAT(box.Open(changed, "label"), IsError(Code::kDataLoss, "SECRET_UNREADABLE"));
    }
    EXPECT_FALSE(box.Open(sealed.substr(0, sealed.size() - 1), "label").has_value());
  }
  EXPECT_FALSE(box.Open("", "label").has_value());
  key[0] = std::byte{1};
  SecretBox other(key, *random);
  EXPECT_THAT(other.Open(box.Seal("x", "label"), "label"),
              IsError(Code::kDataLoss, "SECRET_UNREADABLE"));
}

TEST(SecretBox, KeepsItsKeyInAPrivateFile) {
  TemporaryFolder folder;
  std::string path = folder.path() + "/secret.key";
  auto first = SecretBox::Open(PosixFileSystem(), path, SystemRandom());
  ASSERT_THAT(first, IsOk());
  struct stat info;
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  std::string sealed = (*first)->Seal("x", "label");
  auto second = SecretBox::Open(PosixFileSystem(), path, SystemRandom());
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(*(*second)->Open(sealed, "label"), "x");

  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  EXPECT_THAT(SecretBox::Open(PosixFileSystem(), path, SystemRandom()),
              IsError(Code::kFailedPrecondition, "SECRET_KEY_EXPOSED"));
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  ASSERT_EQ(::truncate(path.c_str(), 5), 0);
  EXPECT_THAT(SecretBox::Open(PosixFileSystem(), path, SystemRandom()),
              IsError(Code::kFailedPrecondition, "SECRET_KEY_INVALID"));
}

}  // namespace
}  // namespace slipway::trust
