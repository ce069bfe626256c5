#include "cli/model/fetching.h"

#include "cli/progress.h"
#include "cli/registry_access.h"

namespace slipway::cli {

Result<model::Fetched> FetchModel(Client& client, model::LocalStore& store,
                                  const std::string& text) {
  TRY(registry, OpenRegistry(client, text));
  Progress progress(client.clock(), "pulling");
  TRY(fetched,
      model::Fetch(store, registry.reference, *registry.client, NameOf(registry.reference),
                   {.progress = UpdatesOf(progress), .make_client = registry.make_client}));
  progress.Finish();
  return fetched;
}

std::string NameOf(const oci::Reference& reference) {
  oci::Reference name = reference;
  if (!name.tag.empty()) name.digest.reset();
  return name.ToString();
}

}  // namespace slipway::cli
