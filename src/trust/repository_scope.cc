#include "trust/repository_scope.h"

#include <algorithm>
#include <array>

#include "base/format_check.h"
#include "trust/limits.h"

namespace slipway::trust {
namespace {

struct NamedAction {
  std::string_view name;
  uint8_t bit;
};
constexpr std::array kActions = {NamedAction{"pull", RepositoryActions::kPull},
                                 NamedAction{"push", RepositoryActions::kPush},
                                 NamedAction{"delete", RepositoryActions::kDelete}};

Error Invalid(std::string_view scope) {
  return InvalidArgument("SCOPE_INVALID",
                         "scope: " + Quoted(scope) +
                             " is no scope; write repository:NAME:ACTIONS, such as "
                             "repository:team/detector:pull,push")
      .With("field", "scope");
}

RepositoryActions ParseActions(std::string_view text) {
  RepositoryActions actions;
  while (true) {
    const size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    actions = actions | (word == "*" ? RepositoryActions::All() : RepositoryActions::Named(word));
    if (comma == std::string_view::npos) return actions;
    text.remove_prefix(comma + 1);
  }
}

// TYPE[(CLASS)]:NAME:ACTIONS, where a name may have colons (a host with a port).
Result<void> TakeScope(std::string_view text, RepositoryScopes& scopes) {
  const size_t first = text.find(':');
  const size_t last = text.rfind(':');
  if (text.size() > kMaxScopeBytes || first == std::string_view::npos || first == last) {
    return Invalid(text);
  }
  const std::string_view type = text.substr(0, std::min(first, text.find('(')));
  std::string_view name = text.substr(first + 1, last - first - 1);
  if (type.empty() || name.empty()) return Invalid(text);
  const bool is_catalog = type == "registry" && name == "catalog";
  if (type != "repository" && !is_catalog) return {};
  RepositoryActions actions = ParseActions(text.substr(last + 1));
  if (is_catalog) {
    name = kCatalogName;
    actions = RepositoryActions(RepositoryActions::kPull);
  }
  const auto same = std::ranges::find(scopes, name, &RepositoryScope::name);
  if (same != scopes.end()) {
    same->actions = same->actions | actions;
    return {};
  }
  if (scopes.size() == kMaxScopes) {
    return InvalidArgument("SCOPES_TOO_MANY", "scope: one token is for at most " +
                                                  std::to_string(kMaxScopes) +
                                                  " repositories; ask for several tokens")
        .With("field", "scope");
  }
  scopes.push_back({.name = std::string(name), .actions = actions});
  return {};
}

// Whether two names are of one repository.
bool SameRepository(std::string_view a, std::string_view b, std::string_view default_project) {
  if (a == b) return true;
  if (a.size() < b.size()) std::swap(a, b);
  return a.size() == default_project.size() + 1 + b.size() && a.starts_with(default_project) &&
         a[default_project.size()] == '/' && a.ends_with(b) &&
         b.find('/') == std::string_view::npos;
}

}  // namespace

std::vector<std::string_view> RepositoryActions::Names() const {
  std::vector<std::string_view> names;
  for (const NamedAction& action : kActions) {
    if (Has(action.bit)) names.push_back(action.name);
  }
  return names;
}

RepositoryActions RepositoryActions::Named(std::string_view word) {
  for (const NamedAction& action : kActions) {
    if (action.name == word) return RepositoryActions(action.bit);
  }
  return {};
}

RepositoryActions ActionsOn(const RepositoryScopes& scopes, std::string_view repository,
                            std::string_view default_project) {
  RepositoryActions actions;
  for (const RepositoryScope& scope : scopes) {
    if (SameRepository(scope.name, repository, default_project)) actions = actions | scope.actions;
  }
  return actions;
}

Result<RepositoryScopes> ParseScopes(std::string_view text) {
  RepositoryScopes scopes;
  while (!text.empty()) {
    const size_t space = std::min(text.find(' '), text.size());
    if (space > 0) TRY_VOID(TakeScope(text.substr(0, space), scopes));
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  return scopes;
}

}  // namespace slipway::trust
