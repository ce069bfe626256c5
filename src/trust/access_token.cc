#include "trust/access_token.h"

#include <nlohmann/json.hpp>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/base64.h"
#include "base/check.h"
#include "base/json.h"

namespace slipway::trust {
namespace {

using std::chrono::seconds;

constexpr size_t kSignatureBytes = 32;

// The whole header of each kind of token, as it stands before the first dot.
const std::string& AccessHeader() {
  static const std::string kHeader = Base64Url(R"({"alg":"HS256","typ":"at+jwt"})");
  return kHeader;
}
const std::string& RefreshHeader() {
  static const std::string kHeader = Base64Url(R"({"alg":"HS256","typ":"rt+jwt"})");
  return kHeader;
}

Error Invalid() {
  return Unauthenticated("TOKEN_INVALID",
                         "the access token is not valid here: it is of another server or service, "
                         "or was changed; sign in again");
}

int64_t Seconds(WallTime time) {
  return std::chrono::floor<seconds>(time).time_since_epoch().count();
}

Json AccessOf(const RepositoryScopes& scopes) {
  Json access = Json::array();
  for (const RepositoryScope& scope : scopes) {
    Json actions = Json::array();
    for (const std::string_view name : scope.actions.Names()) actions.push_back(name);
    access.push_back(
        {{"type", "repository"}, {"name", scope.name}, {"actions", std::move(actions)}});
  }
  return access;
}

bool IsText(const Json& object, const char* name) {
  return object.is_object() && object.contains(name) && object[name].is_string();
}

bool IsFor(const Json& payload, const std::string& service) {
  return IsText(payload, "aud") && payload["aud"] == service;
}

// What Sign wrote. Only texts with the right signature come here, so that anything else is a fault
// of ours, which ends like a wrong token.
std::optional<AccessClaims> Claims(const Json& payload) {
  AccessClaims claims;
  try {
    claims.subject = payload.at("sub").get<std::string>();
    claims.token_id = payload.at("token").get<std::string>();
    claims.issued_at = WallTime(seconds(payload.at("iat").get<int64_t>()));
    claims.expires_at = WallTime(seconds(payload.at("exp").get<int64_t>()));
    for (const Json& entry : payload.at("access")) {
      RepositoryScope scope{.name = entry.at("name").get<std::string>(), .actions = {}};
      for (const Json& action : entry.at("actions")) {
        scope.actions =
            scope.actions | RepositoryActions::Named(action.get_ref<const std::string&>());
      }
      claims.scopes.push_back(std::move(scope));
    }
  } catch (const Json::exception&) {
    return {};
  }
  return claims;
}

}  // namespace

AccessTokens::AccessTokens(const Key& key, Options options, Clock& clock, Random& random)
    : key_(key), options_(std::move(options)), clock_(clock), random_(random) {}

AccessTokens::~AccessTokens() {
  OPENSSL_cleanse(key_.data(), key_.size());
}

std::string AccessTokens::Signature(std::string_view signed_part) const {
  std::array<char, kSignatureBytes> out;
  unsigned size = 0;
  CHECK(HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
             reinterpret_cast<const unsigned char*>(signed_part.data()), signed_part.size(),
             reinterpret_cast<unsigned char*>(out.data()), &size) != nullptr);
  CHECK(size == out.size());
  return Base64Url({out.data(), out.size()});
}

Result<std::string> AccessTokens::Open(std::string_view text, std::string_view header) const {
  const size_t dot = text.rfind('.');
  if (text.size() > kMaxAccessTokenBytes || dot == std::string_view::npos || dot <= header.size() ||
      !text.starts_with(header) || text[header.size()] != '.') {
    return Invalid();
  }
  const std::string_view given = text.substr(dot + 1);
  const std::string right = Signature(text.substr(0, dot));
  if (given.size() != right.size() ||
      CRYPTO_memcmp(given.data(), right.data(), right.size()) != 0) {
    return Invalid();
  }
  auto payload = FromCanonicalBase64Url(text.substr(header.size() + 1, dot - header.size() - 1));
  return payload ? Result<std::string>(*std::move(payload)) : Invalid();
}

Result<SignedToken> AccessTokens::Sign(std::string_view subject, std::string_view token_id,
                                       const RepositoryScopes& scopes) const {
  const WallTime now = std::chrono::floor<seconds>(clock_.Wall());
  const Json payload = {{"iss", options_.service},
                        {"sub", subject},
                        {"aud", options_.service},
                        {"exp", Seconds(now + options_.lifetime)},
                        {"nbf", Seconds(now)},
                        {"iat", Seconds(now)},
                        {"jti", RandomHexId(random_)},
                        {"access", AccessOf(scopes)},
                        {"token", token_id}};
  std::string text = AccessHeader() + "." + Base64Url(DumpJson(payload));
  text += "." + Signature(text);
  if (text.size() > kMaxAccessTokenBytes) {
    return InvalidArgument("SCOPES_TOO_MANY",
                           "scope: the repositories' names are too long for one token together; "
                           "ask for several tokens")
        .With("field", "scope");
  }
  return SignedToken{.text = std::move(text), .issued_at = now, .lifetime = options_.lifetime};
}

Result<AccessClaims> AccessTokens::Verify(std::string_view text) const {
  TRY(payload, Open(text, AccessHeader()));
  const Result<Json> json = ParseJson(payload);
  if (!json || !IsFor(*json, options_.service)) return Invalid();
  auto claims = Claims(*json);
  return claims ? Result<AccessClaims>(*std::move(claims)) : Invalid();
}

Result<void> AccessTokens::CheckTimes(const AccessClaims& claims) const {
  const WallTime now = clock_.Wall();
  if (now < claims.issued_at - kClockLeeway) return Invalid();
  if (now < claims.expires_at + kClockLeeway) return {};
  return Unauthenticated("TOKEN_EXPIRED", "the access token expired at " +
                                              FormatRfc3339(claims.expires_at) +
                                              "; ask the token service for a new one");
}

std::string AccessTokens::SignRefresh(std::string_view subject, std::string_view token_id) const {
  const Json payload = {{"iss", options_.service},     {"sub", subject},
                        {"aud", options_.service},     {"iat", Seconds(clock_.Wall())},
                        {"jti", RandomHexId(random_)}, {"token", token_id}};
  std::string text = RefreshHeader() + "." + Base64Url(DumpJson(payload));
  return text + "." + Signature(text);
}

Result<std::string> AccessTokens::VerifyRefresh(std::string_view text) const {
  TRY(payload, Open(text, RefreshHeader()));
  const Result<Json> json = ParseJson(payload);
  if (!json || !IsFor(*json, options_.service) || !IsText(*json, "token")) return Invalid();
  return (*json)["token"].get<std::string>();
}

bool AccessTokens::LooksSigned(std::string_view text) {
  return text.starts_with("eyJ");
}

}  // namespace slipway::trust
