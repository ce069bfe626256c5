// Catalog: the names of the repositories (distribution's `GET /v2/_catalog`, which clients use to
// look around; the specification has no such list).
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/meta/meta_store.h"

namespace slipway::registry {

struct CatalogPage {
  std::vector<std::string> repositories;
  std::string next;  // last name of this page, if there are more
};

// Whether the caller may pull from the repositories of a project.
using MayPullFrom = std::function<bool(std::string_view project)>;

// Names after `last`, which need not be one, in byte order; canonical, and only those of projects
// that the caller may pull from. Asks once for each project in a row, and passes over the others
// without reading all of their repositories.
Result<CatalogPage> ListRepositories(const store::Snapshot& snapshot, const MayPullFrom& may_pull,
                                     std::string_view last, size_t size);

}  // namespace slipway::registry
