#include <string>
#include <utility>

#include "gateway/v2/endpoints.h"
#include "gateway/v2/generate.h"
#include "gateway/v2/metadata.h"
#include "gateway/v2/repository.h"
#include "gateway/v2/setting_routes.h"
#include "gateway/v2/shared_memory_routes.h"
#include "gateway/v2/statistics.h"

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

// A handler that waits.
net::Handler Waiting(Environment& environment,
                     Task<HttpResponse> (*handle)(Environment&, HttpRequest&)) {
  return [&environment, handle](HttpRequest& request) { return handle(environment, request); };
}

void AddModelRoutes(Environment& environment, const std::string& prefix,
                    std::vector<Route>& routes) {
  routes.push_back({.method = Method::kGet,
                    .pattern = prefix + "/models",
                    .access = Access::kOpen,
                    .handler = Plain(environment, ModelNames),
                    .summary = "The names of the models on which the caller may infer."});
  routes.push_back({.method = Method::kGet,
                    .pattern = prefix + "/models/stats",
                    .access = Access::kOpen,
                    .handler = Plain(environment, AllStatistics),
                    .summary = "What the models have done on which the caller may infer."});
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
    routes.push_back({.method = Method::kGet,
                      .pattern = model + "/config",
                      .access = Access::kInference,
                      .handler = Plain(environment, ModelConfig),
                      .summary = "The configuration of a model, as Triton writes it."});
    routes.push_back({.method = Method::kGet,
                      .pattern = model + "/stats",
                      .access = Access::kInference,
                      .handler = Plain(environment, ModelStatistics),
                      .summary = "What a model has done, and how long it took."});
    routes.push_back(
        {.method = Method::kPost,
         .pattern = model + "/infer",
         .access = Access::kInference,
         .handler = [&environment](HttpRequest& request) { return Infer(environment, request); },
         .summary = "Runs the model on the inputs of the body."});
    routes.push_back({.method = Method::kPost,
                      .pattern = model + "/generate",
                      .access = Access::kInference,
                      .handler = Waiting(environment, Generate),
                      .summary = "Runs the model on the members of a flat object."});
    routes.push_back({.method = Method::kPost,
                      .pattern = model + "/generate_stream",
                      .access = Access::kInference,
                      .handler = Waiting(environment, GenerateStream),
                      .summary = "The same with an event for each answer."});
  }
}

void AddSettingRoutes(Environment& environment, std::vector<Route>& routes) {
  routes.push_back({.method = Method::kGet,
                    .pattern = "/v2/logging",
                    .access = Access::kOpen,
                    .handler = Plain(environment, LogSettingsNow),
                    .summary = "What the log holds."});
  routes.push_back({.method = Method::kPost,
                    .pattern = "/v2/logging",
                    .access = Access::kControl,
                    .handler = Waiting(environment, SetLogSettings),
                    .summary = "Changes what the log holds."});
  for (const char* of : {"", "/models/{model}"}) {
    const std::string pattern = "/v2" + std::string(of) + "/trace/setting";
    routes.push_back({.method = Method::kGet,
                      .pattern = pattern,
                      .access = *of == 0 ? Access::kOpen : Access::kInference,
                      .handler = Plain(environment, TraceSettingsNow),
                      .summary = "Settings of traces."});
    routes.push_back({.method = Method::kPost,
                      .pattern = pattern,
                      .access = Access::kControl,
                      .handler = Waiting(environment, SetTraceSettings),
                      .summary = "Changes settings of traces."});
  }
}

void AddRepositoryRoutes(Environment& environment, std::vector<Route>& routes) {
  routes.push_back({.method = Method::kPost,
                    .pattern = "/v2/repository/index",
                    .access = Access::kOpen,
                    .handler = Waiting(environment, RepositoryIndex),
                    .summary = "The models that there are, and their states."});
  routes.push_back({.method = Method::kPost,
                    .pattern = "/v2/repository/models/{model}/load",
                    .access = Access::kControl,
                    .handler = Waiting(environment, RepositoryLoad),
                    .summary = "Loads a model, or loads it anew."});
  routes.push_back({.method = Method::kPost,
                    .pattern = "/v2/repository/models/{model}/unload",
                    .access = Access::kControl,
                    .handler = Waiting(environment, RepositoryUnload),
                    .summary = "Ends the serving of a model."});
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
  AddRepositoryRoutes(environment, routes);
  AddSettingRoutes(environment, routes);
  for (Route& route : SharedMemoryRoutes(environment)) routes.push_back(std::move(route));
  AddModelRoutes(environment, "/v2", routes);
  AddModelRoutes(environment, "/p/{project}/v2", routes);
  return routes;
}

}  // namespace slipway::gateway::v2
