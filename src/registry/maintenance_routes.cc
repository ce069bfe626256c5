// /api/v1/registry: what is collected and scrubbed, for the administrator of everything.
#include "registry/core.h"
#include "registry/maintenance.h"

namespace slipway::registry {
namespace {

using net::HttpRequest;
using net::HttpResponse;
using net::QueryParameter;
using Handle = Result<HttpResponse> (*)(const std::shared_ptr<Core>&, const HttpRequest&);

Result<HttpResponse> GetStatus(const std::shared_ptr<Core>& core, const HttpRequest&) {
  return HttpResponse::Json(200, DumpJson(core->maintenance.Status(*core)));
}

Result<HttpResponse> PostCollection(const std::shared_ptr<Core>& core, const HttpRequest& request) {
  TRY_VOID(core->maintenance.StartCollection(core, net::IsSet(request, "dryRun")));
  return HttpResponse::Json(202, DumpJson(core->maintenance.Status(*core)));
}

Result<HttpResponse> PostScrub(const std::shared_ptr<Core>& core, const HttpRequest&) {
  TRY_VOID(core->maintenance.StartScrub(core));
  return HttpResponse::Json(202, DumpJson(core->maintenance.Status(*core)));
}

Task<HttpResponse> Answer(std::shared_ptr<Core> core, Handle handle, HttpRequest& request) {
  Result<HttpResponse> response = handle(core, request);
  co_return response ? std::move(*response) : net::ProblemResponse(response.error());
}

net::Route RouteOf(const std::shared_ptr<Core>& core, net::Method method, std::string pattern,
                   Handle handle, std::string summary, std::vector<QueryParameter> query = {}) {
  return {.method = method,
          .pattern = std::move(pattern),
          .access = net::Access::kGlobalAdmin,
          .handler = [core, handle](HttpRequest& request) { return Answer(core, handle, request); },
          .summary = std::move(summary),
          .query = std::move(query)};
}

}  // namespace

std::vector<net::Route> MaintenanceRoutes(const std::shared_ptr<Core>& core) {
  return {
      RouteOf(core, net::Method::kGet, "/api/v1/registry", GetStatus,
              "What the registry collected and scrubbed, and what it does now"),
      RouteOf(core, net::Method::kPost, "/api/v1/registry/collections", PostCollection,
              "Begins to collect garbage; GET /api/v1/registry tells how it went",
              {{.name = "dryRun",
                .kind = QueryParameter::Kind::kFlag,
                .text = "Only tell what would go"}}),
      RouteOf(core, net::Method::kPost, "/api/v1/registry/scrubs", PostScrub,
              "Begins to read all objects again, or goes on with it"),
  };
}

}  // namespace slipway::registry
