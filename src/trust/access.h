// Who may do what: tokens become identities, identities and access rules become verdicts.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/call_context.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "net/http_message.h"
#include "net/router.h"
#include "trust/access_token.h"

namespace slipway::trust {

// What the store keeps of a token: never the secret.
struct TokenRecord {
  std::string name;
  std::string secret_sha256;  // hex, of the whole text
  Grant grant;
  std::optional<WallTime> expires_at;
};

// `slw_<id>_<secret>`: id is 12 hex digits, the secret 256 random bits in base32. The whole is what
// users hold; `id` finds the record.
struct NewToken {
  std::string id;
  std::string text;
  std::string secret_sha256;
};
NewToken MakeToken(Random& random);
// SHA-256 of a token's whole text, in hex: what is kept instead of it.
std::string HashToken(std::string_view text);
// The id in a token's text, nothing if it is no token.
std::optional<std::string> TokenId(std::string_view text);

// The token that a request sent: the text after `Bearer `, or the password of Basic. Nothing
// without the header, or with an empty one; empty for another scheme or malformed Basic, which no
// token is.
std::optional<std::string> SentToken(const net::HttpRequest& request);
// The same of the header's value, or its lack.
std::optional<std::string> SentToken(std::optional<std::string_view> authorization);

// Finds the record of an id; blocking and cheap. NOT_FOUND where there is none.
using TokenLookup = std::function<Result<TokenRecord>(const std::string& id)>;

// Who sent a request, and with what.
struct Caller {
  Identity identity;
  // Of an access token: the caller may do what these claims name and his identity may, and that in
  // the registry alone. nullptr: all that the identity may.
  std::shared_ptr<const AccessClaims> claims;
};

// Reads `Authorization: Bearer TOKEN` and `Basic any:TOKEN`. Verdicts are cached for `cache_for` by
// the steady clock, also that an id is unknown; expiry is looked at each time, by the wall clock.
// Comparison takes the same time for every wrong secret. Thread-safe.
class Authenticator {
 public:
  struct Options {
    std::chrono::milliseconds cache_for{2'000};
    bool anonymous = false;  // loopback peers without a token get admin of everything
    // Whose access tokens are taken; outlives the authenticator. nullptr: none are.
    const AccessTokens* access_tokens = nullptr;
  };
  Authenticator(TokenLookup lookup, Clock& clock, Options options);
  ~Authenticator();

  // UNAUTHENTICATED / TOKEN_MISSING, TOKEN_INVALID or TOKEN_EXPIRED; with `anonymous`, a loopback
  // peer without the header is the identity "anonymous", an admin of everything.
  // UNAUTHENTICATED / TOKEN_OF_REGISTRY for an access token.
  Result<Identity> Authenticate(const net::HttpRequest& request);
  Result<Identity> AuthenticateToken(std::string_view token);
  // The same with access tokens: they are worth what the Token is worth that they were made from,
  // at this moment. One that was made for nobody gives the identity of a request without a token,
  // which may be without subject.
  Result<Caller> AuthenticateCaller(const net::HttpRequest& request);
  // The identity behind a refresh token.
  Result<Identity> AuthenticateRefresh(std::string_view refresh_token);
  // What the access token of a request that was let in is for; nullptr: it was sent with none.
  std::shared_ptr<const AccessClaims> ClaimsOf(const net::HttpRequest& request);
  // Drops what is cached of a token (revoked).
  void Forget(std::string_view token_id);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Highest role out of viewer, editor and admin that the identity holds in the project (empty: in
// all projects). Tokens of one service, sites and packagers hold none.
std::optional<Role> RoleIn(const Identity& identity, std::string_view project);
// Whether RoleIn would be at least viewer in any project.
bool HoldsAnyRole(const Identity& identity);
// What the identity may do with the project's repositories by its roles.
RepositoryActions RepositoryActionsIn(const Identity& identity, std::string_view project);
// Whether the identity may send requests to a service: a role in its project, or its own key.
bool MayInfer(const Identity& identity, std::string_view project, std::string_view service);

// The verdict of one rule: nothing, or PERMISSION_DENIED / ROLE_MISSING with a sentence that names
// the role and the project, or UNAUTHENTICATED / TOKEN_MISSING for an identity without subject.
// `project` is empty for global routes. kInference asks for an identity only: the gateway knows the
// service and its rule. kLocal asks for any role: who is local need not be asked.
Result<void> CheckAccess(net::Access rule, const Identity& identity, std::string_view project,
                         bool project_exists);

}  // namespace slipway::trust
