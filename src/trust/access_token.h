// Access tokens of the registry: short-lived, self-contained, signed. docs/formats/access-tokens.md
#pragma once

#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "trust/limits.h"
#include "trust/repository_scope.h"

namespace slipway::trust {

// What a signed token says. It is no proof of rights: whoever takes it looks up the Token of
// `token_id`, which gives them, and `scopes` narrow them.
struct AccessClaims {
  std::string subject;   // "token/ci"; empty: nobody
  std::string token_id;  // of the Token that it was made from; empty: of none
  RepositoryScopes scopes;
  WallTime issued_at;
  WallTime expires_at;
};

struct SignedToken {
  std::string text;
  WallTime issued_at;
  std::chrono::seconds lifetime{0};
};

// JSON Web Tokens (RFC 7519) with HMAC-SHA256 and one key per database. The algorithm is not read
// from the token: a header that is not ours, byte by byte, is refused. Thread-safe, immutable.
class AccessTokens {
 public:
  static constexpr size_t kKeyBytes = 32;
  using Key = std::array<std::byte, kKeyBytes>;
  struct Options {
    std::string service;  // whose tokens they are; those of another service are refused
    std::chrono::seconds lifetime = kDefaultAccessLifetime;
  };
  AccessTokens(const Key& key, Options options, Clock& clock, Random& random);
  ~AccessTokens();  // wipes the key
  AccessTokens(const AccessTokens&) = delete;
  AccessTokens& operator=(const AccessTokens&) = delete;

  const std::string& service() const { return options_.service; }

  // INVALID_ARGUMENT / SCOPES_TOO_MANY if it would have more than kMaxAccessTokenBytes.
  Result<SignedToken> Sign(std::string_view subject, std::string_view token_id,
                           const RepositoryScopes& scopes) const;
  // UNAUTHENTICATED / TOKEN_INVALID for all that Sign of this key and service did not make. Times
  // are not looked at.
  Result<AccessClaims> Verify(std::string_view text) const;
  // UNAUTHENTICATED / TOKEN_EXPIRED, or TOKEN_INVALID for one that the future made (a clock was set
  // back). Cheap: claims may be kept and looked at again.
  Result<void> CheckTimes(const AccessClaims& claims) const;

  // Refresh tokens are what Docker's clients keep instead of a password: worth new access tokens
  // and nothing else, as long as the Token that they were made from is valid.
  std::string SignRefresh(std::string_view subject, std::string_view token_id) const;
  // The id of the Token. UNAUTHENTICATED / TOKEN_INVALID.
  Result<std::string> VerifyRefresh(std::string_view text) const;

  // Whether a text could be one of these at all: the header of a signed token.
  static bool LooksSigned(std::string_view text);

 private:
  std::string Signature(std::string_view signed_part) const;
  // The payload, if the text has this header and its signature is right.
  Result<std::string> Open(std::string_view text, std::string_view header) const;

  Key key_;
  const Options options_;
  Clock& clock_;
  Random& random_;
};

}  // namespace slipway::trust
