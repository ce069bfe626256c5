#include <string>
#include <utility>

#include "gateway/v2/endpoints.h"
#include "gateway/v2/metadata.h"

namespace slipway::gateway::v2 {
namespace {

using net::Access;
using net::HttpRequest;
using net::HttpResponse;
using net::Method;
using net::Route;

Task<HttpResponse> Ready(HttpResponse response) {
  co_return response;
}

// A handler that needs not wait.
template <class F>
net::Handler Plain(Environment& environment, F answer) {
  return
      [&environment, answer](HttpRequest& request) { return Ready(answer(environment, request)); };
}

void AddModelRoutes(Environment& environment, const std::string& prefix,
                    std::vector<Route>& routes) {
  for (const std::string& model :
       {prefix + "/models/{model}", prefix + "/models/{model}/versions/{version}"}) {
    routes.push_back({.method = Method::kGet,
                      .pattern = model,
                      .access = Access::kInference,
                      .handler = Plain(environment, ModelMetadata),
                      .summary = "Inputs, outputs and versions of a model."});
    routes.push_back({.method = Method::kGet,
                      .pattern = model + "/ready",
                      .access = Access::kInference,
                      .handler = Plain(environment, ModelReady),
                      .summary = "200 if the model can serve."});
    routes.push_back(
        {.method = Method::kPost,
         .pattern = model + "/infer",
         .access = Access::kInference,
         .handler = [&environment](HttpRequest& request) { return Infer(environment, request); },
         .summary = "Runs the model on the inputs of the body."});
  }
}

}  // namespace

std::vector<Route> MakeRoutes(Environment& environment) {
  std::vector<Route> routes;
  for (const char* path : {"/v2", "/v2/"}) {
    routes.push_back({.method = Method::kGet,
                      .pattern = path,
                      .access = Access::kOpen,
                      .handler = Plain(environment, ServerMetadata),
                      .summary = "Name and version of this server."});
  }
  routes.push_back({.method = Method::kGet,
                    .pattern = "/v2/health/live",
                    .access = Access::kOpen,
                    .handler = Plain(environment, ServerLive),
                    .summary = "200 if the server answers at all."});
  routes.push_back({.method = Method::kGet,
                    .pattern = "/v2/health/ready",
                    .access = Access::kOpen,
                    .handler = Plain(environment, ServerReady),
                    .summary = "200 if the server has loaded what it is to serve."});
  AddModelRoutes(environment, "/v2", routes);
  AddModelRoutes(environment, "/p/{project}/v2", routes);
  return routes;
}

}  // namespace slipway::gateway::v2
