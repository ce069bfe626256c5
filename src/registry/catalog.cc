#include "registry/catalog.h"

#include "oci/reference.h"
#include "registry/limits.h"
#include "registry/rows.h"

namespace slipway::registry {

Result<CatalogPage> ListRepositories(const store::Snapshot& snapshot, const MayPullFrom& may_pull,
                                     std::string_view last, size_t size) {
  CatalogPage page;
  if (size == 0) return page;
  const std::string prefix = RepositoryKey("");
  std::string from = prefix + std::string(last) + (last.empty() ? "" : std::string(1, '\0'));
  std::string project;  // of the row before, and whether it is allowed
  bool allowed = false;
  while (true) {
    TRY(rows, snapshot.Scan(from, store::PrefixEnd(prefix), kMaxTagPage));
    for (const store::KeyValue& row : rows) {
      std::string name = row.key.substr(prefix.size());
      if (oci::ProjectOf(name) != project) {
        project = oci::ProjectOf(name);
        allowed = may_pull(project);
      }
      if (!allowed) continue;
      if (page.repositories.size() == size) {
        page.next = page.repositories.back();
        return page;
      }
      page.repositories.push_back(std::move(name));
    }
    if (rows.size() < kMaxTagPage) return page;
    from = allowed ? rows.back().key + '\0' : store::PrefixEnd(RepositoryPrefix(project));
  }
}

}  // namespace slipway::registry
