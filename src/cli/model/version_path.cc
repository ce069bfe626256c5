#include "cli/model/version_path.h"

#include "cli/registry_access.h"
#include "registry/projection.h"

namespace slipway::cli {

Result<std::string> VersionPath(Client& client, const std::string& reference) {
  TRY(registry, OpenRegistry(client, reference));
  if (!registry.is_own) {
    return InvalidArgument("REFERENCE_INVALID",
                           reference +
                               " is on another registry; this is known of models on the "
                               "registry of the context only");
  }
  const oci::Reference& name = registry.reference;
  auto found = registry.client->GetManifest(name.repository, name.Selector());
  if (!found) return found.error().Prefixed(reference + ": ");
  const resource::Key key = registry::ModelVersionKey(name.repository, found->digest);
  return ResourcePath("modelversions", false, key.project, key.name);
}

}  // namespace slipway::cli
