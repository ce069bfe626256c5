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

// Finds the record of an id; blocking and cheap. NOT_FOUND where there is none.
using TokenLookup = std::function<Result<TokenRecord>(const std::string& id)>;

// Reads `Authorization: Bearer TOKEN` and `Basic any:TOKEN`. Verdicts are cached for `cache_for` by
// the steady clock, also that an id is unknown; expiry is looked at each time, by the wall clock.
// Comparison takes the same time for every wrong secret. Thread-safe.
class Authenticator {
 public:
  struct Options {
    std::chrono::milliseconds cache_for{2'000};
    bool anonymous = false;  // loopback peers without a token get admin of everything
  };
  Authenticator(TokenLookup lookup, Clock& clock, Options options);
  ~Authenticator();

  // UNAUTHENTICATED / TOKEN_MISSING, TOKEN_INVALID or TOKEN_EXPIRED; with `anonymous`, a loopback
  // peer without the header is the identity "anonymous", an admin of everything.
  Result<Identity> Authenticate(const net::HttpRequest& request);
  Result<Identity> AuthenticateToken(std::string_view token);
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
// Whether the identity may send requests to a service: a role in its project, or its own key.
bool MayInfer(const Identity& identity, std::string_view project, std::string_view service);

// The verdict of one rule: nothing, or PERMISSION_DENIED / ROLE_MISSING with a sentence that names
// the role and the project, or UNAUTHENTICATED / TOKEN_MISSING for an identity without subject.
// `project` is empty for global routes. kInference asks for an identity only: the gateway knows the
// service and its rule. kLocal asks for any role: who is local need not be asked.
Result<void> CheckAccess(net::Access rule, const Identity& identity, std::string_view project,
                         bool project_exists);

}  // namespace slipway::trust
