// How the client signs in: a token that it was given, Basic, or a token service.
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/json.h"
#include "net/http_message.h"
#include "oci/client.h"
#include "oci/client_error.h"
#include "oci/limits.h"

namespace slipway::oci {
namespace {

std::string ParameterOf(const Challenge& challenge, const std::string& name) {
  const auto found = challenge.parameters.find(name);
  return found == challenge.parameters.end() ? std::string() : found->second;
}

std::string BasicOf(const ClientOptions& options) {
  return "Basic " + Base64(options.user + ":" + options.password);
}

// One scope each: a scope has no spaces.
std::vector<std::string> SplitScopes(std::string_view scopes) {
  std::vector<std::string> out;
  while (!scopes.empty()) {
    const size_t end = std::min(scopes.find(' '), scopes.size());
    if (end > 0) out.emplace_back(scopes.substr(0, end));
    scopes.remove_prefix(std::min(end + 1, scopes.size()));
  }
  return out;
}

std::string TextOf(const Json& json, const char* name) {
  const bool is_text = json.is_object() && json.contains(name) && json[name].is_string();
  return is_text ? json[name].get<std::string>() : std::string();
}

// When to ask for the next token, from when this one was asked for.
std::chrono::seconds LifeOf(const Json& json) {
  std::chrono::seconds life = kUnsaidTokenLifetime;
  if (json.contains("expires_in") && json["expires_in"].is_number_integer()) {
    const auto said = json["expires_in"].get<int64_t>();
    life = std::chrono::seconds(std::clamp<int64_t>(said, 0, 86'400));
  }
  return std::max(life - kTokenMargin, life / 2);
}

}  // namespace

bool Client::IsOwn(const std::string& url) const {
  const auto parts = SplitUrl(url);
  return parts && parts->origin == origin_;
}

void Client::Authorize(net::ClientRequest& request, const std::string& scope) const {
  std::erase_if(request.headers,
                [](const auto& header) { return header.first == "Authorization"; });
  if (!IsOwn(request.url)) return;
  const auto found = authorization_by_scope_.find(scope);
  if (found != authorization_by_scope_.end()) {
    request.headers.emplace_back("Authorization", found->second.header);
  } else if (!options_.token.empty()) {
    request.headers.emplace_back("Authorization", "Bearer " + options_.token);
  }
}

Result<void> Client::Renew(const std::string& scope) {
  const auto found = authorization_by_scope_.find(scope);
  if (found == authorization_by_scope_.end() || !found->second.renew_at ||
      clock_->Steady() < *found->second.renew_at) {
    return {};
  }
  TRY(next, FetchToken(found->second.challenge, scope));
  found->second = std::move(next);
  return {};
}

Result<bool> Client::AnswerChallenge(const net::ClientResponse& response,
                                     const std::string& scope) {
  for (const Challenge& challenge :
       ParseChallenges(response.Header("WWW-Authenticate").value_or(""))) {
    if (challenge.scheme == "basic" && !options_.user.empty()) {
      const std::string header = BasicOf(options_);
      Authorization& known = authorization_by_scope_[scope];
      if (known.header == header) return false;
      known = {.header = header, .renew_at = std::nullopt, .challenge = {}};
      return true;
    }
    // A token that was given is the answer itself; no service may exchange it.
    if (challenge.scheme == "bearer" && options_.token.empty()) {
      TRY(fetched, FetchToken(challenge, scope));
      authorization_by_scope_[scope] = std::move(fetched);
      return true;
    }
  }
  return false;
}

// GET with Basic, or the OAuth 2.0 form for a refresh token, which no header may hold.
Result<net::ClientRequest> Client::TokenRequest(const Challenge& challenge,
                                                const std::string& scope) {
  const std::string realm = ParameterOf(challenge, "realm");
  TRY(parts, SplitUrl(realm));
  const auto own = SplitUrl(options_.base_url);
  const bool is_plain_like_own =
      own && own->origin.starts_with("http://") && own->host == parts.host;
  const bool is_trusted = parts.origin.starts_with("https://") || is_plain_like_own;
  const std::string service = ParameterOf(challenge, "service");
  net::ClientRequest request;
  request.timeout = std::chrono::seconds(30);
  request.max_response_bytes = 1 << 20;
  if (!options_.identity_token.empty() && is_trusted) {
    request.method = "POST";
    request.url = realm;
    request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    request.body =
        "grant_type=refresh_token&client_id=slipway&service=" + net::PercentEncode(service) +
        "&refresh_token=" + net::PercentEncode(options_.identity_token) +
        "&scope=" + net::PercentEncode(scope);
    return request;
  }
  request.url = realm + (realm.find('?') == std::string::npos ? "?" : "&") +
                "service=" + net::PercentEncode(service) + "&client_id=slipway";
  for (const std::string& one : SplitScopes(scope)) {
    request.url += "&scope=" + net::PercentEncode(one);
  }
  if (!options_.user.empty() && is_trusted) {
    request.headers.emplace_back("Authorization", BasicOf(options_));
  }
  return request;
}

Result<Client::Authorization> Client::FetchToken(const Challenge& challenge,
                                                 const std::string& scope) {
  TRY(request, TokenRequest(challenge, scope));
  const SteadyTime asked = clock_->Steady();
  TRY(response, transport_(request));
  if (response.status != 200) return ErrorOfAnswer(response, "the token service");
  TRY(json, ParseJson(response.body, {.max_bytes = 1 << 20, .max_depth = 8}));
  std::string token = TextOf(json, "token");
  if (token.empty()) token = TextOf(json, "access_token");
  if (token.empty()) {
    return Internal("REGISTRY_PROTOCOL", "the token service's answer has no token.");
  }
  return Authorization{.header = "Bearer " + std::move(token),
                       .renew_at = asked + LifeOf(json),
                       .challenge = challenge};
}

}  // namespace slipway::oci
