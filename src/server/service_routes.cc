#include "server/service_routes.h"

#include <optional>

#include "controller/service/rollback.h"
#include "controller/service/service_controller.h"
#include "resource/api/objects.h"

namespace slipway::server {
namespace {

// Changes the service, or something that belongs to it.
using Change = Result<void> (*)(resource::ResourceTransaction&, const resource::Key&);

Result<void> Rollback(resource::ResourceTransaction& transaction, const resource::Key& service) {
  TRY_VOID(controller::Rollback(transaction, service));
  return {};
}

Result<void> Retry(resource::ResourceTransaction& transaction, const resource::Key& service) {
  TRY_VOID(controller::Retry(transaction, service));
  return {};
}

Task<net::HttpResponse> Run(resource::ResourceStore& store, Change change,
                            net::HttpRequest& request) {
  resource::Key key{.kind = "Service",
                    .project = request.Parameter("project"),
                    .name = request.Parameter("name")};
  auto service = std::make_shared<std::optional<resource::Resource>>();
  Result<void> done = co_await store.Transact(
      request.context,
      [service, change, key](resource::ResourceTransaction& transaction) -> Result<void> {
        TRY_VOID(change(transaction, key));
        // In the same transaction: the answer never shows the failure of before.
        TRY_VOID(controller::ReconcileService(transaction, key));
        TRY(now, transaction.Get(key));
        *service = std::move(now);
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
          .summary = std::move(summary),
          .query = std::vector<net::QueryParameter>()};
}

}  // namespace

std::vector<net::Route> ServiceRoutes(resource::ResourceStore& store) {
  std::vector<net::Route> routes;
  routes.push_back(
      RouteOf(store, "rollback", &Rollback, "Goes back to what the service served before"));
  routes.push_back(RouteOf(store, "retry", &Retry, "Tries the service's failed revision again"));
  return routes;
}

}  // namespace slipway::server
