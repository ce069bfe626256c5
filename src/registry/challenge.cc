#include "registry/challenge.h"

#include <algorithm>
#include <optional>

#include "oci/reference.h"
#include "registry/error_response.h"
#include "trust/guard.h"

namespace slipway::registry {
namespace {

constexpr std::string_view kBasic = "Basic realm=\"slipway\"";

// HOST or HOST:PORT. What else a header may hold has no place in an address.
bool IsAuthority(std::string_view text) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]_";
  return !text.empty() && text.size() <= 255 &&
         text.find_first_not_of(kAllowed) == std::string_view::npos;
}

// The first of a list of proxies' values.
std::string_view FirstOf(const net::HttpRequest& request, std::string_view name) {
  const auto values = request.HeaderList(name);
  return values.empty() ? std::string_view() : values.front();
}

std::optional<std::string> AddressOf(const net::HttpRequest& request,
                                     const ChallengeOptions& options) {
  if (!options.external_url.empty()) return options.external_url;
  std::string_view host = FirstOf(request, "X-Forwarded-Host");
  if (host.empty()) host = request.Header("Host").value_or("");
  if (!IsAuthority(host)) return {};
  std::string_view scheme = FirstOf(request, "X-Forwarded-Proto");
  if (scheme != "http" && scheme != "https") scheme = options.has_tls ? "https" : "http";
  return std::string(scheme) + "://" + std::string(host);
}

std::string_view ActionsOf(net::Access rule) {
  switch (rule) {
    case net::Access::kRegistryPull:
      return "pull";
    case net::Access::kRegistryPush:
      return "pull,push";
    case net::Access::kRegistryDelete:
      return "delete";
    case net::Access::kOpen:
    case net::Access::kLocal:
    case net::Access::kIdentified:
    case net::Access::kViewer:
    case net::Access::kEditor:
    case net::Access::kAdmin:
    case net::Access::kGlobalViewer:
    case net::Access::kGlobalAdmin:
    case net::Access::kRegistry:
    case net::Access::kInference:
    case net::Access::kControl:
      return "";
  }
  return "";
}

// What a token needs to be for, so that the same request succeeds. A mount pulls from where it
// mounts.
std::string ScopeOf(const net::HttpRequest& request) {
  if (request.route == nullptr) return "";
  if (request.route->pattern == trust::kCatalogPattern) return "registry:catalog:*";
  const std::string_view actions = ActionsOf(request.route->access);
  if (actions.empty()) return "";
  const std::string& name = request.Parameter("name");
  if (!oci::CheckRepositoryName(name)) return "";
  std::string scope = "repository:" + name + ":" + std::string(actions);
  const std::string from = request.Query("mount") ? request.Query("from").value_or("") : "";
  if (oci::CheckRepositoryName(from)) scope += " repository:" + from + ":pull";
  return scope;
}

// RFC 6750 section 3.1: nothing is said of a token that did not come.
std::string_view FaultOf(const Error& error) {
  if (error.reason() == "TOKEN_MISSING") return "";
  return error.reason() == "SCOPE_MISSING" ? "insufficient_scope" : "invalid_token";
}

}  // namespace

std::string ChallengeOf(const net::HttpRequest& request, const Error& error,
                        const ChallengeOptions& options) {
  const auto address = AddressOf(request, options);
  if (!address) return std::string(kBasic);
  std::string out = "Bearer realm=\"" + *address + "/token\",service=\"" + options.service + "\"";
  if (const std::string scope = ScopeOf(request); !scope.empty()) {
    out += ",scope=\"" + scope + "\"";
  }
  if (const std::string_view fault = FaultOf(error); !fault.empty()) {
    out.append(",error=\"").append(fault).append("\"");
  }
  return out;
}

net::ErrorWriter MakeErrorWriter(ChallengeOptions options) {
  return [options = std::move(options)](const net::HttpRequest& request, const Error& error) {
    net::HttpResponse response = ErrorResponse(request, error);
    if (response.status == 401) {
      response.headers.emplace_back("WWW-Authenticate", ChallengeOf(request, error, options));
    }
    return response;
  };
}

}  // namespace slipway::registry
