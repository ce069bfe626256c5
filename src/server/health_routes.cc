#include "server/health_routes.h"

#include "base/metrics.h"

namespace slipway::server {
namespace {

Task<net::HttpResponse> Health(net::HttpRequest&) {
  co_return net::HttpResponse::Text(200, "ok\n");
}

Task<net::HttpResponse> Ready(HealthHooks hooks) {
  if (!hooks.ready()) co_return net::HttpResponse::Text(503, "starting or stopping\n");
  const std::string warning = co_await hooks.warning();
  co_return net::HttpResponse::Text(200, warning.empty() ? "ready\n" : "ready: " + warning + "\n");
}

Task<net::HttpResponse> Metrics(net::HttpRequest&) {
  net::HttpResponse response = net::HttpResponse::Text(200, MetricsText());
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  co_return response;
}

}  // namespace

std::vector<net::Route> HealthRoutes(HealthHooks hooks) {
  using enum net::Method;
  return {
      {kGet, "/healthz", net::Access::kLocal, Health, "Whether the program runs"},
      {kGet, "/readyz", net::Access::kLocal,
       [hooks = std::move(hooks)](net::HttpRequest&) { return Ready(hooks); },
       "Whether it can do its work: 503 while it starts or stops; a line says what is in its way"},
      {kGet, "/metrics", net::Access::kLocal, Metrics, "Metrics as Prometheus text"},
  };
}

}  // namespace slipway::server
