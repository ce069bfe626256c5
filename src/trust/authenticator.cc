#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "async/guarded.h"
#include "base/digest.h"
#include "base/format_check.h"
#include "trust/access.h"
#include "trust/limits.h"
#include "trust/recent.h"

namespace slipway::trust {
namespace {

// What a lookup said, and when. The token's text is in memory only as its hash.
struct Verdict {
  std::optional<TokenRecord> record;  // nothing: no such id
  Identity identity;                  // of the record
  SteadyTime looked_up;
};
using SharedVerdict = std::shared_ptr<const Verdict>;

Error Invalid() {
  return Unauthenticated("TOKEN_INVALID",
                         "the token is not valid here: it was revoked, or is of another server; "
                         "make one with `slipway token create`");
}

Error Missing() {
  return Unauthenticated("TOKEN_MISSING",
                         "this needs a token: send `Authorization: Bearer TOKEN`, or Basic with "
                         "any user name and the token as password");
}

bool SameHash(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// The rest of a header value after a scheme of any case and spaces; nothing for other schemes.
std::optional<std::string_view> AfterScheme(std::string_view value, std::string_view scheme) {
  if (value.size() <= scheme.size() || value[scheme.size()] != ' ') return {};
  for (size_t i = 0; i < scheme.size(); ++i) {
    if ((value[i] | 0x20) != scheme[i]) return {};
  }
  value.remove_prefix(scheme.size());
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value;
}

Error OfRegistry() {
  return Unauthenticated("TOKEN_OF_REGISTRY",
                         "an access token of the registry opens /v2/ alone; send the token itself");
}

// The password of Basic credentials (RFC 7617).
std::optional<std::string> BasicPassword(std::string_view base64) {
  if (base64.empty() || base64.size() % 4 != 0 || base64.size() > 2 * kMaxAccessTokenBytes) {
    return {};
  }
  std::string decoded(base64.size() / 4 * 3, '\0');
  int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                             reinterpret_cast<const unsigned char*>(base64.data()),
                             static_cast<int>(base64.size()));
  if (size < 0) return {};
  size_t padding = base64.ends_with("==") ? 2 : base64.ends_with("=") ? 1 : 0;
  decoded.resize(static_cast<size_t>(size) - padding);
  size_t colon = decoded.find(':');
  if (colon == std::string::npos) return {};
  return decoded.substr(colon + 1);
}

}  // namespace

std::optional<std::string> SentToken(const net::HttpRequest& request) {
  return SentToken(request.Header("authorization"));
}

std::optional<std::string> SentToken(std::optional<std::string_view> header) {
  if (!header || header->empty()) return {};
  if (auto token = AfterScheme(*header, "bearer")) return std::string(*token);
  auto basic = AfterScheme(*header, "basic");
  std::optional<std::string> password = basic ? BasicPassword(*basic) : std::nullopt;
  return password.value_or("");
}

struct Authenticator::State {
  State(TokenLookup find, Clock& time, Options settings)
      : lookup(std::move(find)), clock(time), options(settings) {}

  using Claims = std::shared_ptr<const AccessClaims>;

  const TokenLookup lookup;
  Clock& clock;
  const Options options;
  Guarded<Recent<SharedVerdict>> verdicts{Recent<SharedVerdict>(kMaxCachedVerdicts)};  // by id
  Guarded<Recent<Claims>> verified{
      Recent<Claims>(kMaxCachedVerdicts)};  // by the hash of a signed token

  Result<SharedVerdict> Find(const std::string& id) {
    SteadyTime now = clock.Steady();
    SharedVerdict cached = verdicts.With([&](const Recent<SharedVerdict>& all) -> SharedVerdict {
      const SharedVerdict* found = all.Find(id);
      if (found == nullptr || (*found)->looked_up < now - options.cache_for) return nullptr;
      return *found;
    });
    if (cached != nullptr) return cached;
    Result<TokenRecord> record = lookup(id);
    Verdict verdict{.record = std::nullopt, .identity = {}, .looked_up = now};
    if (record.has_value()) {
      verdict.identity = {.subject = "token/" + record->name, .grants = {record->grant}};
      verdict.record = std::move(*record);
    } else if (record.error().code() != Code::kNotFound) {
      return record.error();  // the store is at fault, not the token
    }
    cached = std::make_shared<const Verdict>(std::move(verdict));
    verdicts.With([&](Recent<SharedVerdict>& all) { all.Insert(id, cached); });
    return cached;
  }

  // Of a verdict with a record.
  Result<Identity> IdentityOf(const Verdict& verdict) {
    const TokenRecord& record = *verdict.record;
    if (record.expires_at && clock.Wall() >= *record.expires_at) {
      return Unauthenticated("TOKEN_EXPIRED", "the token " + Quoted(record.name) + " expired at " +
                                                  FormatRfc3339(*record.expires_at) +
                                                  "; make a new one with `slipway token create`");
    }
    return verdict.identity;
  }

  // Of the Token that a signed token was made from, as it is now.
  Result<Identity> IdentityOf(const std::string& token_id) {
    TRY(verdict, Find(token_id));
    if (!verdict->record) return Invalid();
    return IdentityOf(*verdict);
  }

  // A request without a token.
  Result<Identity> Nobody(const net::HttpRequest& request) const {
    if (!options.anonymous || !request.peer_is_loopback) return Missing();
    return Identity{.subject = "anonymous", .grants = {Grant{.role = Role::kAdmin}}};
  }

  // The signature of each access token is looked at once; what it says never changes.
  Result<Claims> ClaimsOf(std::string_view token) {
    if (options.access_tokens == nullptr || token.size() > kMaxAccessTokenBytes) return Invalid();
    const std::string hash = HashToken(token);
    Claims claims = verified.With([&](const Recent<Claims>& all) -> Claims {
      const Claims* found = all.Find(hash);
      return found == nullptr ? nullptr : *found;
    });
    if (claims != nullptr) return claims;
    TRY(read, options.access_tokens->Verify(token));
    claims = std::make_shared<const AccessClaims>(std::move(read));
    verified.With([&](Recent<Claims>& all) { all.Insert(hash, claims); });
    return claims;
  }
};

Authenticator::Authenticator(TokenLookup lookup, Clock& clock, Options options)
    : state_(std::make_unique<State>(std::move(lookup), clock, options)) {}

Authenticator::~Authenticator() = default;

Result<Identity> Authenticator::Authenticate(const net::HttpRequest& request) {
  std::optional<std::string> token = SentToken(request);
  if (!token) return state_->Nobody(request);
  return token->empty() ? Invalid() : AuthenticateToken(*token);
}

Result<Identity> Authenticator::AuthenticateToken(std::string_view token) {
  if (token.empty()) return Missing();
  if (state_->options.access_tokens != nullptr && AccessTokens::LooksSigned(token)) {
    TRY_VOID(state_->ClaimsOf(token));
    return OfRegistry();
  }
  std::optional<std::string> id = TokenId(token);
  if (!id || token.size() > kMaxTokenBytes) return Invalid();
  const Digest hash = Digest::Of(token);
  TRY(verdict, state_->Find(*id));
  // An unknown id costs the same as a wrong secret.
  constexpr std::string_view kNothing =
      "0000000000000000000000000000000000000000000000000000000000000000";
  const bool right = SameHash(
      hash.hex(), verdict->record ? std::string_view(verdict->record->secret_sha256) : kNothing);
  if (!verdict->record || !right) return Invalid();
  return state_->IdentityOf(*verdict);
}

Result<Caller> Authenticator::AuthenticateCaller(const net::HttpRequest& request) {
  const std::optional<std::string> token = SentToken(request);
  if (!token || state_->options.access_tokens == nullptr || !AccessTokens::LooksSigned(*token)) {
    Result<Identity> identity = !token           ? state_->Nobody(request)
                                : token->empty() ? Result<Identity>(Invalid())
                                                 : AuthenticateToken(*token);
    if (identity.has_error()) return identity.error();
    return Caller{.identity = *std::move(identity), .claims = nullptr};
  }
  TRY(claims, state_->ClaimsOf(*token));
  TRY_VOID(state_->options.access_tokens->CheckTimes(*claims));
  if (claims->token_id.empty()) {
    const Result<Identity> nobody = state_->Nobody(request);
    return Caller{.identity = nobody ? *nobody : Identity{}, .claims = claims};
  }
  TRY(identity, state_->IdentityOf(claims->token_id));
  return Caller{.identity = std::move(identity), .claims = claims};
}

Result<Identity> Authenticator::AuthenticateRefresh(std::string_view refresh_token) {
  if (state_->options.access_tokens == nullptr) return Invalid();
  TRY(id, state_->options.access_tokens->VerifyRefresh(refresh_token));
  return state_->IdentityOf(id);
}

std::shared_ptr<const AccessClaims> Authenticator::ClaimsOf(const net::HttpRequest& request) {
  const std::optional<std::string> token = SentToken(request);
  if (!token || !AccessTokens::LooksSigned(*token)) return nullptr;
  Result<State::Claims> claims = state_->ClaimsOf(*token);
  // What is not known any more allows nothing.
  return claims ? *claims : std::make_shared<const AccessClaims>();
}

void Authenticator::Forget(std::string_view token_id) {
  state_->verdicts.With([&](Recent<SharedVerdict>& all) { all.Erase(std::string(token_id)); });
}

}  // namespace slipway::trust
