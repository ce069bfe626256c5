#include "resource/token_store.h"

#include <gtest/gtest.h>

#include "async/testing/run.h"
#include "base/testing/result_matchers.h"
#include "resource/testing/test_store.h"

namespace slipway::resource {
namespace {

Result<IssuedToken> Issue(TestStore& store, std::string name, std::string_view spec) {
  return RunSync(IssueToken(store.resources(), TestStore::As("tester"),
                            TestStore::Wanted("Token", "", std::move(name), spec)));
}

std::vector<std::string> KeysFor(TestStore& store, std::string_view project,
                                 std::string_view service) {
  std::vector<std::string> hashes;
  Result<void> read = store.meta().ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(tokens, InferenceTokens::Read(snapshot));
    for (const InferenceKey& key : tokens.KeysOf(project, service)) {
      hashes.push_back(key.secret_sha256);
    }
    return {};
  });
  EXPECT_THAT(read, IsOk());
  return hashes;
}

TEST(TokenStore, IssuedTokensAreKnownByTheirSecret) {
  TestStore store;
  Result<IssuedToken> issued = Issue(store, "ci", R"({"role": "editor", "project": "default"})");
  ASSERT_THAT(issued, IsOk());
  EXPECT_EQ(issued->secret.size(), 4u + 12 + 1 + 52);
  trust::Authenticator authenticator(MakeTokenLookup(store.meta()), store.clock(), {});
  Result<Identity> identity = authenticator.AuthenticateToken(issued->secret);
  ASSERT_THAT(identity, IsOk());
  EXPECT_EQ(identity->subject, "token/ci");
  EXPECT_EQ(trust::RoleIn(*identity, "default"), Role::kEditor);
  EXPECT_EQ(trust::RoleIn(*identity, "other"), std::nullopt);
  std::string wrong = issued->secret;
  wrong.back() = wrong.back() == 'a' ? 'b' : 'a';
  EXPECT_THAT(authenticator.AuthenticateToken(wrong),
              IsError(Code::kUnauthenticated, "TOKEN_INVALID"));
}

TEST(TokenStore, TheSecretIsInNoRowAndNoAnswer) {
  TestStore store;
  Result<IssuedToken> issued = Issue(store, "ci", R"({"role": "viewer"})");
  ASSERT_THAT(issued, IsOk());
  std::string secret = issued->secret.substr(17);
  std::string hash = trust::HashToken(issued->secret);
  EXPECT_EQ(DumpJson(ToJson(issued->resource)).find(hash), std::string::npos);
  Result<store::ChangePage> page = store.meta().Changes(0, "", 1000);
  for (const store::Change& change : page->changes) {
    EXPECT_EQ(change.value.find(secret), std::string::npos);
    EXPECT_EQ(change.value.find(hash), std::string::npos);
  }
}

TEST(TokenStore, DeletedTokensAndThoseOfDeletedProjectsAreNothing) {
  TestStore store;
  store.Create(TestStore::Wanted("Project", "", "shop"));
  Result<IssuedToken> ci = Issue(store, "", R"({"role": "viewer"})");
  Result<IssuedToken> shop = Issue(store, "shop", R"({"role": "admin", "project": "shop"})");
  ASSERT_THAT(ci, IsOk());
  ASSERT_THAT(shop, IsOk());
  EXPECT_EQ(ci->resource.metadata.name.substr(0, 6), "token-");
  trust::Authenticator authenticator(MakeTokenLookup(store.meta()), store.clock(), {});
  ASSERT_THAT(authenticator.AuthenticateToken(ci->secret), IsOk());
  ASSERT_THAT(store.TryDelete(KeyOf(ci->resource)), IsOk());
  // The verdict is kept for two seconds of the steady clock, whatever the wall clock does.
  store.clock().JumpWall(std::chrono::hours(-1));
  EXPECT_THAT(authenticator.AuthenticateToken(ci->secret), IsOk());
  store.clock().Advance(std::chrono::milliseconds(2001));
  EXPECT_THAT(authenticator.AuthenticateToken(ci->secret),
              IsError(Code::kUnauthenticated, "TOKEN_INVALID"));

  ASSERT_THAT(store.TryDelete({"Project", "", "shop"}), IsOk());
  store.Create(TestStore::Wanted("Project", "", "shop"));
  EXPECT_THAT(authenticator.AuthenticateToken(shop->secret),
              IsError(Code::kUnauthenticated, "TOKEN_INVALID"));
}

TEST(TokenStore, RefusesWrongTokens) {
  TestStore store;
  EXPECT_THAT(Issue(store, "a", R"({"role": "viewer", "project": "nowhere"})"),
              IsError(Code::kNotFound, "PROJECT_UNKNOWN"));
  EXPECT_THAT(Issue(store, "a", R"({})"), IsError(Code::kInvalidArgument, "FIELD_REQUIRED"));
  EXPECT_THAT(Issue(store, "a", R"({"role": "viewer", "service": "fraud"})"),
              IsError(Code::kInvalidArgument, "FIELD_REQUIRED"));
  EXPECT_THAT(Issue(store, "a", R"({"role": "admin", "service": "f", "project": "default"})"),
              IsError(Code::kInvalidArgument, "FIELD_RANGE"));
  EXPECT_THAT(Issue(store, "a", R"({"role": "viewer", "expiresAt": "tomorrow"})"),
              IsError(Code::kInvalidArgument, "FIELD_FORMAT"));
  EXPECT_THAT(Issue(store, "a", R"({"role": "viewer", "expiresAt": "2001-01-01T00:00:00Z"})"),
              IsError(Code::kInvalidArgument, "FIELD_RANGE"));
  EXPECT_THAT(store.TryCreate(TestStore::Wanted("Token", "", "a", R"({"role": "viewer"})")),
              IsError(Code::kFailedPrecondition, "TOKEN_NEEDS_SECRET"));
  Result<IssuedToken> issued = Issue(store, "a", R"({"role": "viewer"})");
  ASSERT_THAT(issued, IsOk());
  EXPECT_THAT(Issue(store, "a", R"({"role": "viewer"})"),
              IsError(Code::kAlreadyExists, "RESOURCE_EXISTS"));
  Resource raised = issued->resource;
  raised.spec["role"] = "admin";
  EXPECT_THAT(store.TryUpdate(raised), IsError(Code::kFailedPrecondition, "IMMUTABLE"));
}

TEST(TokenStore, ExpiryFollowsTheWallClock) {
  TestStore store;
  std::string expires = FormatRfc3339(store.clock().Wall() + std::chrono::hours(1));
  Result<IssuedToken> issued =
      Issue(store, "a", R"({"role": "viewer", "expiresAt": ")" + expires + "\"}");
  ASSERT_THAT(issued, IsOk());
  trust::Authenticator authenticator(MakeTokenLookup(store.meta()), store.clock(), {});
  EXPECT_THAT(authenticator.AuthenticateToken(issued->secret), IsOk());
  // A cached verdict does not outlive the expiry, even if the clock jumps over it.
  store.clock().JumpWall(std::chrono::hours(1));
  EXPECT_THAT(authenticator.AuthenticateToken(issued->secret),
              IsError(Code::kUnauthenticated, "TOKEN_EXPIRED"));
  store.clock().JumpWall(std::chrono::milliseconds(-1));
  EXPECT_THAT(authenticator.AuthenticateToken(issued->secret), IsOk());
}

TEST(TokenStore, InferenceKeysAreThoseThatMayInfer) {
  TestStore store;
  store.Create(TestStore::Wanted("Project", "", "shop"));
  auto hash = [&](std::string name, std::string_view spec) {
    Result<IssuedToken> issued = Issue(store, std::move(name), spec);
    EXPECT_THAT(issued, IsOk());
    return trust::HashToken(issued->secret);
  };
  std::string all = hash("a-all", R"({"role": "viewer"})");
  std::string shop = hash("b-shop", R"({"role": "editor", "project": "shop"})");
  std::string key = hash("c-key", R"({"role": "viewer", "project": "shop", "service": "fraud"})");
  hash("d-site", R"({"role": "site"})");
  hash("e-other", R"({"role": "admin", "project": "default"})");
  EXPECT_EQ(KeysFor(store, "shop", "fraud"), (std::vector<std::string>{all, shop, key}));
  EXPECT_EQ(KeysFor(store, "shop", "other"), (std::vector<std::string>{all, shop}));
}

}  // namespace
}  // namespace slipway::resource
