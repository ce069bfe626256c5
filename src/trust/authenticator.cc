#include <unordered_map>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "async/guarded.h"
#include "base/format_check.h"
#include "trust/access.h"
#include "trust/limits.h"

namespace slipway::trust {
namespace {

// What a lookup said, and when. The token's text is in memory only as its hash.
struct Verdict {
  std::optional<TokenRecord> record;  // nothing: no such id
  SteadyTime looked_up;
};

// Two generations: when the young one is full, the old one is forgotten. Bounded, and what is asked
// for often stays.
struct Cache {
  std::unordered_map<std::string, Verdict> young;
  std::unordered_map<std::string, Verdict> old;

  std::optional<Verdict> Find(const std::string& id, SteadyTime not_before) const {
    for (const auto* generation : {&young, &old}) {
      auto found = generation->find(id);
      if (found != generation->end() && found->second.looked_up >= not_before) {
        return found->second;
      }
    }
    return {};
  }
  void Insert(const std::string& id, Verdict verdict) {
    if (young.size() >= kMaxCachedVerdicts / 2) {
      old = std::move(young);
      young.clear();
    }
    young.insert_or_assign(id, std::move(verdict));
  }
  void Erase(const std::string& id) {
    young.erase(id);
    old.erase(id);
  }
};

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

// The password of Basic credentials (RFC 7617).
std::optional<std::string> BasicPassword(std::string_view base64) {
  if (base64.empty() || base64.size() % 4 != 0 || base64.size() > 4 * kMaxTokenBytes) return {};
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
  std::optional<std::string_view> header = request.Header("authorization");
  if (!header || header->empty()) return {};
  if (auto token = AfterScheme(*header, "bearer")) return std::string(*token);
  auto basic = AfterScheme(*header, "basic");
  std::optional<std::string> password = basic ? BasicPassword(*basic) : std::nullopt;
  return password.value_or("");
}

struct Authenticator::State {
  State(TokenLookup find, Clock& time, Options settings)
      : lookup(std::move(find)), clock(time), options(settings) {}

  const TokenLookup lookup;
  Clock& clock;
  const Options options;
  Guarded<Cache> cache;

  Result<Verdict> Find(const std::string& id) {
    SteadyTime now = clock.Steady();
    auto cached = cache.With([&](Cache& all) { return all.Find(id, now - options.cache_for); });
    if (cached) return *std::move(cached);
    Result<TokenRecord> record = lookup(id);
    Verdict verdict{.record = std::nullopt, .looked_up = now};
    if (record.has_value()) {
      verdict.record = std::move(*record);
    } else if (record.error().code() != Code::kNotFound) {
      return record.error();  // the store is at fault, not the token
    }
    cache.With([&](Cache& all) { all.Insert(id, verdict); });
    return verdict;
  }
};

Authenticator::Authenticator(TokenLookup lookup, Clock& clock, Options options)
    : state_(std::make_unique<State>(std::move(lookup), clock, options)) {}

Authenticator::~Authenticator() = default;

Result<Identity> Authenticator::Authenticate(const net::HttpRequest& request) {
  std::optional<std::string> token = SentToken(request);
  if (token) return token->empty() ? Invalid() : AuthenticateToken(*token);
  if (!state_->options.anonymous || !request.peer_is_loopback) return Missing();
  return Identity{.subject = "anonymous", .grants = {Grant{.role = Role::kAdmin}}};
}

Result<Identity> Authenticator::AuthenticateToken(std::string_view token) {
  if (token.empty()) return Missing();
  std::optional<std::string> id = TokenId(token);
  if (!id || token.size() > kMaxTokenBytes) return Invalid();
  std::string hash = HashToken(token);
  TRY(verdict, state_->Find(*id));
  // An unknown id costs the same as a wrong secret.
  const std::string nothing(hash.size(), '0');
  bool right = SameHash(hash, verdict.record ? verdict.record->secret_sha256 : nothing);
  if (!verdict.record || !right) return Invalid();
  const TokenRecord& record = *verdict.record;
  if (record.expires_at && state_->clock.Wall() >= *record.expires_at) {
    return Unauthenticated("TOKEN_EXPIRED", "the token " + Quoted(record.name) + " expired at " +
                                                FormatRfc3339(*record.expires_at) +
                                                "; make a new one with `slipway token create`");
  }
  return Identity{.subject = "token/" + record.name, .grants = {record.grant}};
}

void Authenticator::Forget(std::string_view token_id) {
  state_->cache.With([&](Cache& all) { all.Erase(std::string(token_id)); });
}

}  // namespace slipway::trust
