#include "trust/access.h"

#include "base/format_check.h"

namespace slipway::trust {
namespace {

// Viewer, editor and admin include each other; sites and packagers stand beside them.
std::optional<int> Rank(Role role) {
  switch (role) {
    case Role::kViewer:
      return 1;
    case Role::kEditor:
      return 2;
    case Role::kAdmin:
      return 3;
    case Role::kSite:
    case Role::kPackager:
      return {};
  }
  return {};
}

std::string_view NameOf(Role role) {
  switch (role) {
    case Role::kViewer:
      return "viewer";
    case Role::kEditor:
      return "editor";
    case Role::kAdmin:
      return "admin";
    case Role::kSite:
      return "site";
    case Role::kPackager:
      return "packager";
  }
  return "unknown";
}

Result<void> Require(Role role, const Identity& identity, std::string_view project) {
  if (identity.subject.empty()) {
    return Unauthenticated("TOKEN_MISSING", "this needs a token");
  }
  std::optional<Role> held = RoleIn(identity, project);
  if (held && Rank(*held) >= Rank(role)) return {};
  std::string where =
      project.empty() ? std::string("all projects") : "the project " + Quoted(project);
  return PermissionDenied("ROLE_MISSING", "this needs the role " + std::string(NameOf(role)) +
                                              " in " + where + ", which " + identity.subject +
                                              " does not hold")
      .With("role", std::string(NameOf(role)))
      .With("project", std::string(project));
}

// Who may create projects does so by pushing. Who may not read the project is not told whether
// there is one.
Result<void> CheckPush(const Identity& identity, std::string_view project, bool project_exists) {
  if (!identity.subject.empty() && !RoleIn(identity, project)) {
    return PermissionDenied("ROLE_MISSING", "this needs the role editor in the project " +
                                                Quoted(project) +
                                                ", or admin in all projects if there is none of "
                                                "that name, which " +
                                                identity.subject + " does not hold")
        .With("role", "editor")
        .With("project", std::string(project));
  }
  if (project_exists || identity.subject.empty()) {
    return Require(Role::kEditor, identity, project);
  }
  if (Require(Role::kAdmin, identity, "").has_value()) return {};
  return PermissionDenied("ROLE_MISSING", "there is no project " + Quoted(project) +
                                              ", and creating it needs the role admin in all "
                                              "projects, which " +
                                              identity.subject + " does not hold")
      .With("role", "admin")
      .With("project", std::string(project));
}

Result<void> CheckAnyRole(const Identity& identity) {
  if (HoldsAnyRole(identity)) return {};
  return Require(Role::kViewer, identity, "");
}

}  // namespace

std::optional<Role> RoleIn(const Identity& identity, std::string_view project) {
  std::optional<Role> highest;
  for (const Grant& grant : identity.grants) {
    bool covers = grant.project.empty() || grant.project == project;
    if (!covers || !grant.service.empty() || !Rank(grant.role)) continue;
    if (!highest || Rank(grant.role) > Rank(*highest)) highest = grant.role;
  }
  return highest;
}

bool HoldsAnyRole(const Identity& identity) {
  for (const Grant& grant : identity.grants) {
    if (grant.service.empty() && Rank(grant.role)) return true;
  }
  return false;
}

RepositoryActions RepositoryActionsIn(const Identity& identity, std::string_view project) {
  const std::optional<Role> role = RoleIn(identity, project);
  if (!role) return {};
  return *role == Role::kViewer ? RepositoryActions(RepositoryActions::kPull)
                                : RepositoryActions::All();
}

bool MayInfer(const Identity& identity, std::string_view project, std::string_view service) {
  if (RoleIn(identity, project)) return true;
  for (const Grant& grant : identity.grants) {
    if (!grant.service.empty() && grant.service == service && grant.project == project) return true;
  }
  return false;
}

Result<void> CheckAccess(net::Access rule, const Identity& identity, std::string_view project,
                         bool project_exists) {
  switch (rule) {
    case net::Access::kOpen:
      return {};
    case net::Access::kLocal:
      return CheckAnyRole(identity);
    case net::Access::kIdentified:
    case net::Access::kRegistry:
    case net::Access::kInference:
      if (!identity.subject.empty()) return {};
      return Unauthenticated("TOKEN_MISSING", "this needs a token");
    case net::Access::kViewer:
    case net::Access::kRegistryPull:
      return Require(Role::kViewer, identity, project);
    case net::Access::kEditor:
    case net::Access::kRegistryDelete:
      return Require(Role::kEditor, identity, project);
    case net::Access::kAdmin:
      return Require(Role::kAdmin, identity, project);
    case net::Access::kGlobalViewer:
      return Require(Role::kViewer, identity, "");
    case net::Access::kGlobalAdmin:
    case net::Access::kControl:
      return Require(Role::kAdmin, identity, "");
    case net::Access::kRegistryPush:
      return CheckPush(identity, project, project_exists);
  }
  return Internal("ACCESS_RULE", "a route has no access rule");
}

}  // namespace slipway::trust
