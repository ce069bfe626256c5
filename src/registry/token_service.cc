#include "registry/token_service.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/log.h"
#include "net/query.h"
#include "oci/reference.h"
#include "registry/error_response.h"
#include "registry/limits.h"
#include "registry/rows.h"
#include "resource/kinds/project.h"

namespace slipway::registry {
namespace {

using net::HttpRequest;
using net::HttpResponse;
using trust::RepositoryActions;
using trust::RepositoryScopes;

constexpr std::string_view kKeyLabel = "registry/access-token-key";
// In front of the database's epoch: tokens of one database are no tokens of another.
constexpr std::string_view kServicePrefix = "slipway-";
constexpr size_t kServiceDigits = 12;

// What a client asks for, whichever way it asks.
struct Wish {
  std::string service;
  std::string scope;  // several with spaces between
  bool wants_refresh = false;
};

// Who asks, and for which Token a new access token stands.
struct Holder {
  Identity identity;  // without subject: nobody
  std::string token_id;
};

// RFC 6749 section 5.2.
std::string_view OAuthCode(const Error& error) {
  if (error.reason() == "GRANT_UNKNOWN") return "unsupported_grant_type";
  if (error.reason().starts_with("SCOPE")) return "invalid_scope";
  if (error.code() == Code::kUnauthenticated) return "invalid_grant";
  if (error.code() == Code::kInvalidArgument) return "invalid_request";
  return "server_error";
}

// An error of the registry that OAuth clients read too.
HttpResponse Refusal(const HttpRequest& request, const Error& error) {
  HttpResponse response = ErrorResponse(request, error);
  auto body = ParseJson(std::get<std::string>(response.body));
  if (body) {
    (*body)["error"] = OAuthCode(error);
    (*body)["error_description"] = (*body)["errors"][0]["message"];
    response.body = DumpJson(*body);
  }
  if (response.status == 401) {
    response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"slipway\"");
  }
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

class TokenService {
 public:
  explicit TokenService(TokenServiceOptions options) : options_(std::move(options)) {}

  Task<Result<HttpResponse>> Get(HttpRequest& request) const {
    Wish wish{
        .service = request.Query("service").value_or(""), .scope = "", .wants_refresh = false};
    for (const std::string& scope : request.QueryAll("scope")) wish.scope += scope + " ";
    wish.wants_refresh = request.Query("offline_token") == "true";
    CO_TRY(holder, OfRequest(request));
    co_return co_await Issue(wish, holder, "");
  }

  Task<Result<HttpResponse>> Post(HttpRequest& request) const {
    CO_TRY(body, co_await request.body->ReadAll(kMaxTokenFormBytes));
    const auto form = net::ParseQuery(body);
    const auto field = [&](std::string_view name) {
      const auto found = std::ranges::find(form, name, [](const auto& pair) { return pair.first; });
      return found == form.end() ? std::string() : found->second;
    };
    const Wish wish{.service = field("service"),
                    .scope = field("scope"),
                    .wants_refresh = field("access_type") == "offline"};
    const std::string grant = field("grant_type");
    if (grant == "refresh_token") {
      const std::string refresh = field("refresh_token");
      CO_TRY(holder, OfRefresh(refresh));
      co_return co_await Issue(wish, holder, refresh);
    }
    if (grant == "password") {
      CO_TRY(holder, OfToken(field("password")));
      co_return co_await Issue(wish, holder, "");
    }
    co_return InvalidArgument("GRANT_UNKNOWN",
                              "grant_type: must be password or refresh_token; a token of "
                              "`slipway token create` is the password, with any username")
        .With("field", "grant_type");
  }

 private:
  Result<Holder> OfToken(const std::string& token) const {
    TRY(identity, options_.authenticator->AuthenticateToken(token));
    return Holder{.identity = std::move(identity), .token_id = trust::TokenId(token).value_or("")};
  }

  Result<Holder> OfRefresh(const std::string& refresh) const {
    TRY(identity, options_.authenticator->AuthenticateRefresh(refresh));
    TRY(token_id, options_.tokens->VerifyRefresh(refresh));
    return Holder{.identity = std::move(identity), .token_id = std::move(token_id)};
  }

  // The Token that the request came with; without one nobody, or who may come without.
  Result<Holder> OfRequest(const HttpRequest& request) const {
    const auto token = trust::SentToken(request);
    if (token && !token->empty()) return OfToken(*token);
    Result<Identity> identity = options_.authenticator->Authenticate(request);
    if (identity) return Holder{.identity = std::move(*identity), .token_id = ""};
    if (identity.error().reason() == "TOKEN_MISSING") return Holder{};
    return identity.error();
  }

  Task<Result<RepositoryActions>> ActionsIn(const std::string& name,
                                            const Identity& identity) const {
    if (!oci::CheckRepositoryName(name)) co_return RepositoryActions();
    const std::string project(oci::ProjectOf(name));
    const RepositoryActions may = trust::RepositoryActionsIn(identity, project);
    if (!may.empty() || !options_.anonymous_pull) co_return may;
    CO_TRY(anybody, co_await options_.anonymous_pull(project));
    co_return anybody ? RepositoryActions(RepositoryActions::kPull) : may;
  }

  Task<Result<RepositoryScopes>> Granted(const std::string& text, const Identity& identity) const {
    CO_TRY(scopes, trust::ParseScopes(text));
    for (trust::RepositoryScope& scope : scopes) {
      if (scope.name == trust::kCatalogName && !identity.subject.empty()) continue;
      CO_TRY(may, co_await ActionsIn(scope.name, identity));
      scope.actions = scope.actions & may;
    }
    std::erase_if(scopes, [](const auto& scope) { return scope.actions.empty(); });
    co_return scopes;
  }

  Task<Result<HttpResponse>> Issue(const Wish& wish, const Holder& holder,
                                   const std::string& refresh) const {
    if (!wish.service.empty() && wish.service != options_.tokens->service()) {
      co_return InvalidArgument("SERVICE_UNKNOWN", "service: this is the token service of " +
                                                       options_.tokens->service() +
                                                       "; ask that which the challenge named")
          .With("field", "service");
    }
    CO_TRY(scopes, co_await Granted(wish.scope, holder.identity));
    CO_TRY(made, options_.tokens->Sign(holder.identity.subject, holder.token_id, scopes));
    Json body = {{"token", made.text},
                 {"access_token", made.text},
                 {"expires_in", made.lifetime.count()},
                 {"issued_at", FormatRfc3339(made.issued_at)}};
    if (!refresh.empty()) {
      body["refresh_token"] = refresh;
    } else if (wish.wants_refresh && !holder.token_id.empty()) {
      body["refresh_token"] =
          options_.tokens->SignRefresh(holder.identity.subject, holder.token_id);
    }
    HttpResponse response = HttpResponse::Json(200, DumpJson(body));
    response.headers.emplace_back("Cache-Control", "no-store");
    co_return response;
  }

  const TokenServiceOptions options_;
};

using Action = Task<Result<HttpResponse>> (TokenService::*)(HttpRequest&) const;

Task<HttpResponse> Answer(std::shared_ptr<const TokenService> service, Action action,
                          HttpRequest& request) {
  Result<HttpResponse> response = co_await (service.get()->*action)(request);
  co_return response ? std::move(*response) : Refusal(request, response.error());
}

net::Route RouteOf(const std::shared_ptr<const TokenService>& service, net::Method method,
                   Action action, std::string_view summary) {
  return {.method = method,
          .pattern = "/token",
          .access = net::Access::kOpen,
          .handler = [service,
                      action](HttpRequest& request) { return Answer(service, action, request); },
          .summary = std::string(summary)};
}

}  // namespace

Result<std::unique_ptr<trust::AccessTokens>> OpenAccessTokens(store::MetaStore& meta,
                                                              const trust::SecretBox& secrets,
                                                              std::chrono::seconds lifetime,
                                                              Clock& clock, Random& random) {
  trust::AccessTokens::Key key;
  TRY_VOID(meta.MutateNow(
      CallContext::System("registry"), [&](store::Transaction& transaction) -> Result<void> {
        TRY(row, transaction.Get(kAccessTokenKeyKey));
        if (row) {
          Result<std::string> opened = secrets.Open(*row, kKeyLabel);
          if (opened && opened->size() == key.size()) {
            std::memcpy(key.data(), opened->data(), key.size());
            return {};
          }
          LogWarning("the key of access tokens is made anew", {{"reason", "it cannot be read"}});
        }
        random.Fill(key);
        const std::string_view bytes(reinterpret_cast<const char*>(key.data()), key.size());
        return transaction.Put(kAccessTokenKeyKey, secrets.Seal(bytes, kKeyLabel));
      }));
  std::string service(kServicePrefix);
  service += meta.epoch().substr(0, kServiceDigits);
  return std::make_unique<trust::AccessTokens>(
      key, trust::AccessTokens::Options{.service = std::move(service), .lifetime = lifetime}, clock,
      random);
}

std::vector<net::Route> TokenServiceRoutes(TokenServiceOptions options) {
  const auto service = std::make_shared<const TokenService>(std::move(options));
  return {RouteOf(service, net::Method::kGet, &TokenService::Get,
                  "Answers a challenge of the registry with an access token."),
          RouteOf(service, net::Method::kPost, &TokenService::Post,
                  "The same in the form of OAuth 2.0: grant_type password or refresh_token.")};
}

}  // namespace slipway::registry
