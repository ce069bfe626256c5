#include "trust/recheck.h"

#include <algorithm>
#include <utility>

namespace slipway::trust {
namespace {

bool SameGrants(const Identity& a, const Identity& b) {
  return std::ranges::equal(a.grants, b.grants, [](const Grant& x, const Grant& y) {
    return x.role == y.role && x.project == y.project && x.service == y.service;
  });
}

Result<void> StillHolds(Authenticator& authenticator, const std::string& token,
                        const Identity& before) {
  Result<Identity> now = authenticator.AuthenticateToken(token);
  if (now.has_error() && now.error().reason() == "TOKEN_INVALID") {
    return Unauthenticated("TOKEN_REVOKED",
                           "the token of this request was revoked meanwhile; come again with a "
                           "valid one (`slipway token create` makes it)");
  }
  if (now.has_error()) return now.error();
  if (!SameGrants(*now, before)) {
    return PermissionDenied("TOKEN_CHANGED",
                            "the roles of this request's token were changed meanwhile; send the "
                            "request again");
  }
  return {};
}

}  // namespace

Recheck MakeRecheck(Authenticator& authenticator, const net::HttpRequest& request) {
  std::optional<std::string> token = SentToken(request);
  if (!token) return [] { return Result<void>(); };
  return [&authenticator, token = *std::move(token), before = request.context.identity] {
    return StillHolds(authenticator, token, before);
  };
}

}  // namespace slipway::trust
