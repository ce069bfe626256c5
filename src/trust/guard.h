// The guard of a listener's routes: who asks, and whether he may.
#pragma once

#include <functional>
#include <string>

#include "net/router.h"
#include "trust/access.h"

namespace slipway::trust {

// The route of the registry's catalog, a list over all projects: an access token needs the scope
// `registry:catalog:*`, and a Token behind it.
inline constexpr std::string_view kCatalogPattern = "/v2/_catalog";

struct GuardOptions {
  Authenticator* authenticator = nullptr;  // outlives the guard
  // Asked for routes whose rule depends on it (kRegistryPush).
  std::function<Task<Result<bool>>(std::string project)> project_exists;
  // Whether anybody may pull from the project's repositories. Empty: nobody may.
  std::function<Task<Result<bool>>(std::string project)> anonymous_pull;
  // What a repository may be called, as an error. Asked where a scope is missing: no token is made
  // for a name that cannot be, and its sender is to learn of that. Empty: anything.
  std::function<Result<void>(std::string_view name)> check_name;
  // The project of names without one: a repository of one segment, a service of the data plane.
  std::string default_project = "default";
};

// Answers the errors of Authenticator and CheckAccess, and fills request.context.identity. The
// project is the route's parameter {project}, else the first of several segments of {name} or
// {name+} on registry routes; a rule of a project on a route without one CHECKs. Routes that are
// open to the caller anyway take a missing token, and refuse a wrong one only where they need it.
// Access tokens open routes of the registry only, within their scopes: UNAUTHENTICATED /
// SCOPE_MISSING where the identity might and the token was not made for it. What anybody may pull
// needs no token, and refuses a wrong one, so that its owner learns of it.
net::Guard MakeGuard(GuardOptions options);

}  // namespace slipway::trust
