#include "resource/bootstrap.h"

#include "resource/kinds/project.h"
#include "resource/kinds/site.h"
#include "resource/terms.h"

namespace slipway::resource {
namespace {

Result<void> CreateMissing(ResourceTransaction& transaction, const Key& key, Json spec,
                           Json status) {
  TRY(found, transaction.Find(key));
  if (found) return {};
  Resource resource{.kind = key.kind, .metadata = {}, .spec = std::move(spec), .status = {}};
  resource.metadata.name = key.name;
  resource.status = std::move(status);
  TRY_VOID(transaction.Create(std::move(resource)));
  return {};
}

}  // namespace

Result<void> Bootstrap(ResourceStore& store) {
  TRY_VOID(BuildTerms(store.meta()));
  const CallContext context = CallContext::System("bootstrap");
  return store.TransactNow(context, [](ResourceTransaction& transaction) -> Result<void> {
    ProjectSpec project{.description = "Where names without a project belong."};
    TRY_VOID(CreateMissing(transaction, {"Project", "", std::string(kDefaultProject)},
                           Encode(project), Json::object()));
    SiteSpec site{.description = "The machine of the control centre."};
    return CreateMissing(transaction, {"Site", "", std::string(kLocalSite)}, Encode(site),
                         Json::object());
  });
}

}  // namespace slipway::resource
