#include "server/service_routes.h"

#include <optional>

#include "controller/service/rollback.h"
#include "resource/api/objects.h"

namespace slipway::server {
namespace {

using Change = Result<resource::Resource> (*)(resource::ResourceTransaction&, const resource::Key&);

Task<net::HttpResponse> Run(resource::ResourceStore& store, Change change,
                            net::HttpRequest& request) {
  resource::Key key{.kind = "Service",
                    .project = request.Parameter("project"),
                    .name = request.Parameter("name")};
  auto service = std::make_shared<std::optional<resource::Resource>>();
  Result<void> done = co_await store.Transact(
      request.context,
      [service, change, key](resource::ResourceTransaction& transaction) -> Result<void> {
        TRY(changed, change(transaction, key));
        *service = std::move(changed);
        return {};
      });
  if (!done) co_return net::ProblemResponse(done.error());
  co_return resource::ResourceResponse(200, **service);
}

net::Route RouteOf(resource::ResourceStore& store, std::string verb, Change change,
                   std::string summary) {
  return {.method = net::Method::kPost,
          .pattern = "/api/v1/projects/{project}/services/{name}/" + verb,
          .access = net::Access::kEditor,
          .handler = [&store,
                      change](net::HttpRequest& request) { return Run(store, change, request); },
          .summary = std::move(summary)};
}

}  // namespace

std::vector<net::Route> ServiceRoutes(resource::ResourceStore& store) {
  std::vector<net::Route> routes;
  routes.push_back(RouteOf(store, "rollback", &controller::Rollback,
                           "Goes back to what the service served before"));
  routes.push_back(
      RouteOf(store, "retry", &controller::Retry, "Tries the service's failed revision again"));
  return routes;
}

}  // namespace slipway::server
