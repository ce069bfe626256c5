// What may be done with which repositories of the registry, and how clients ask for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::trust {

// A set of actions on one repository.
class RepositoryActions {
 public:
  static constexpr uint8_t kPull = 1;
  static constexpr uint8_t kPush = 2;
  static constexpr uint8_t kDelete = 4;

  constexpr RepositoryActions() = default;
  constexpr explicit RepositoryActions(uint8_t bits) : bits_(bits) {}
  static constexpr RepositoryActions All() { return RepositoryActions(kPull | kPush | kDelete); }

  constexpr bool Has(uint8_t action) const { return (bits_ & action) == action; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr RepositoryActions operator&(RepositoryActions other) const {
    return RepositoryActions(static_cast<uint8_t>(bits_ & other.bits_));
  }
  constexpr RepositoryActions operator|(RepositoryActions other) const {
    return RepositoryActions(static_cast<uint8_t>(bits_ | other.bits_));
  }
  constexpr bool operator==(const RepositoryActions&) const = default;
  // In the order of the protocol: "pull", "push", "delete".
  std::vector<std::string_view> Names() const;
  // Nothing for a word that is none of them.
  static RepositoryActions Named(std::string_view word);

 private:
  uint8_t bits_ = 0;
};

// The catalog of all repositories: where a repository's name would be, and none begins so. Pulling
// it is reading it.
inline constexpr std::string_view kCatalogName = "_catalog";

struct RepositoryScope {
  std::string
      name;  // as the client wrote it: "team/detector", or "detector" of the default project
  RepositoryActions actions;
  bool operator==(const RepositoryScope&) const = default;
};
using RepositoryScopes = std::vector<RepositoryScope>;

// What the scopes allow on the repository; names without a project are of `default_project`.
RepositoryActions ActionsOn(const RepositoryScopes& scopes, std::string_view repository,
                            std::string_view default_project);

// Scopes as clients of token services write them, with spaces between:
// `repository:team/detector:pull,push`; `*` is every action, and
// `registry:catalog:*` is kCatalogName. What is about anything else, and actions that there are
// not, is left out; the same name twice becomes one. INVALID_ARGUMENT / SCOPE_INVALID for what is
// no scope, SCOPES_TOO_MANY above kMaxScopes. Names are not checked.
Result<RepositoryScopes> ParseScopes(std::string_view text);

}  // namespace slipway::trust
