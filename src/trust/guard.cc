#include "trust/guard.h"

#include <utility>

#include "base/check.h"

namespace slipway::trust {
namespace {

const std::string* FindParameter(const net::HttpRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.parameters) {
    if (key == name) return &value;
  }
  return nullptr;
}

enum class Scope : uint8_t { kNone, kProject, kRepository };

Scope ScopeOf(net::Access rule) {
  switch (rule) {
    case net::Access::kViewer:
    case net::Access::kEditor:
    case net::Access::kAdmin:
      return Scope::kProject;
    case net::Access::kRegistryPull:
    case net::Access::kRegistryPush:
    case net::Access::kRegistryDelete:
      return Scope::kRepository;
    case net::Access::kOpen:
    case net::Access::kLocal:
    case net::Access::kIdentified:
    case net::Access::kGlobalViewer:
    case net::Access::kGlobalAdmin:
    case net::Access::kRegistry:
    case net::Access::kInference:
    case net::Access::kControl:
      return Scope::kNone;
  }
  return Scope::kNone;
}

std::string ProjectOf(net::Access rule, const net::HttpRequest& request,
                      const std::string& default_project) {
  if (ScopeOf(rule) == Scope::kNone) return {};
  if (const std::string* project = FindParameter(request, "project")) return *project;
  CHECK_NOTE(ScopeOf(rule) == Scope::kRepository, "a route with a rule of projects names none");
  const std::string* name = FindParameter(request, "name");
  CHECK_NOTE(name != nullptr, "a route of the registry has no parameter name");
  size_t slash = name->find('/');
  return slash == std::string::npos ? default_project : name->substr(0, slash);
}

// Whether the caller may go on whoever he is.
bool IsOpenTo(net::Access rule, const net::HttpRequest& request) {
  return rule == net::Access::kOpen || rule == net::Access::kInference ||
         (rule == net::Access::kLocal && request.peer_is_loopback);
}

// What a route does to a repository; nothing for routes about none.
RepositoryActions ActionOf(net::Access rule) {
  switch (rule) {
    case net::Access::kRegistryPull:
      return RepositoryActions(RepositoryActions::kPull);
    case net::Access::kRegistryPush:
      return RepositoryActions(RepositoryActions::kPush);
    case net::Access::kRegistryDelete:
      return RepositoryActions(RepositoryActions::kDelete);
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
      return {};
  }
  return {};
}

// Whether the access token was made for what the route does.
Result<void> CheckScope(RepositoryActions wanted, std::string_view repository,
                        const GuardOptions& options, const AccessClaims& claims) {
  const RepositoryActions held = ActionsOn(claims.scopes, repository, options.default_project);
  if ((held & wanted) == wanted) return {};
  if (options.check_name && repository != kCatalogName) TRY_VOID(options.check_name(repository));
  return Unauthenticated("SCOPE_MISSING",
                         "the access token was not made for this; ask the token service for the "
                         "scope that the challenge names");
}

Task<Result<void>> Check(std::shared_ptr<const GuardOptions> options, net::Access rule,
                         std::string_view pattern, net::HttpRequest* request) {
  Result<Caller> caller = options->authenticator->AuthenticateCaller(*request);
  // Scopes are of repositories as the registry's own routes name them.
  const bool of_registry = rule == net::Access::kRegistry ||
                           (!ActionOf(rule).empty() && FindParameter(*request, "name") != nullptr);
  if (caller && caller->claims && !of_registry) {
    caller = options->authenticator->Authenticate(*request).error();
  }
  if (caller) request->context.identity = std::move(caller->identity);
  if (IsOpenTo(rule, *request)) co_return Result<void>();
  const bool may_miss = rule == net::Access::kRegistryPull && !SentToken(*request);
  if (!caller && !may_miss) co_return caller.error();
  const bool is_limited = caller && caller->claims;
  if (is_limited && rule == net::Access::kRegistry) {
    if (pattern != kCatalogPattern) co_return Result<void>();
    CO_TRY_VOID(CheckAccess(rule, request->context.identity, "", true));
    co_return CheckScope(RepositoryActions(RepositoryActions::kPull), kCatalogName, *options,
                         *caller->claims);
  }
  const std::string project = ProjectOf(rule, *request, options->default_project);
  Result<void> role = CheckAccess(rule, request->context.identity, project, true);
  if (rule == net::Access::kRegistryPush && options->project_exists) {
    CO_TRY(exists, co_await options->project_exists(project));
    role = CheckAccess(rule, request->context.identity, project, exists);
  } else if (rule == net::Access::kRegistryPull && !role && options->anonymous_pull) {
    CO_TRY(anybody, co_await options->anonymous_pull(project));
    if (anybody) role = Result<void>();
  }
  // Without a token, how to send one is better said by who looked for it.
  if (!role && !caller) co_return caller.error();
  if (!role || !is_limited) co_return role;
  co_return CheckScope(ActionOf(rule), *FindParameter(*request, "name"), *options, *caller->claims);
}

}  // namespace

net::Guard MakeGuard(GuardOptions options) {
  CHECK(options.authenticator != nullptr);
  auto shared = std::make_shared<const GuardOptions>(std::move(options));
  return [shared](const net::Route& route, net::HttpRequest& request) {
    return Check(shared, route.access, route.pattern, &request);
  };
}

}  // namespace slipway::trust
