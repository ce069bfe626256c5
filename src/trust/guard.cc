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

Task<Result<void>> Check(std::shared_ptr<const GuardOptions> options, net::Access rule,
                         net::HttpRequest* request) {
  Result<Identity> identity = options->authenticator->Authenticate(*request);
  if (identity.has_value()) request->context.identity = std::move(*identity);
  if (IsOpenTo(rule, *request)) co_return Result<void>();
  if (!identity.has_value()) co_return identity.error();
  std::string project = ProjectOf(rule, *request, options->default_project);
  bool exists = true;
  if (rule == net::Access::kRegistryPush && options->project_exists) {
    CO_TRY(found, co_await options->project_exists(project));
    exists = found;
  }
  co_return CheckAccess(rule, request->context.identity, project, exists);
}

}  // namespace

net::Guard MakeGuard(GuardOptions options) {
  CHECK(options.authenticator != nullptr);
  auto shared = std::make_shared<const GuardOptions>(std::move(options));
  return [shared](const net::Route& route, net::HttpRequest& request) {
    return Check(shared, route.access, &request);
  };
}

}  // namespace slipway::trust
