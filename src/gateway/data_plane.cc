#include "gateway/data_plane.h"

#include <atomic>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "async/task_group.h"
#include "base/metrics.h"
#include "engine/engine_threads.h"
#include "engine/plugin_host.h"
#include "gateway/body_reader.h"
#include "gateway/core_slot.h"
#include "gateway/gpu_metrics.h"
#include "gateway/grpc/environment.h"
#include "gateway/http/pass.h"
#include "gateway/key_guard.h"
#include "gateway/limits.h"
#include "gateway/reconciler.h"
#include "gateway/revision_metrics.h"
#include "gateway/shadow.h"
#include "gateway/telemetry/telemetry.h"
#include "gateway/v2/endpoints.h"
#include "gateway/v2/error_response.h"

namespace slipway::gateway {
namespace {

Task<net::HttpResponse> Metrics(net::HttpRequest&) {
  net::HttpResponse response = net::HttpResponse::Text(200, MetricsText());
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  co_return response;
}

net::HttpServerOptions GrpcOptions(const net::TlsFiles& tls) {
  net::HttpServerOptions options;
  options.server_name = "grpc";
  options.tls = tls;
  options.idle_timeout = kGrpcIdle;
  return options;
}

net::HttpServerOptions ServerOptions(std::string name, const net::TlsFiles& tls) {
  net::HttpServerOptions options;
  options.server_name = std::move(name);
  options.tls = tls;
  options.write_refusal = v2::RefusalResponse;
  return options;
}

// Who scrapes metrics is asked for a key, if anything; not for a certificate.
net::TlsFiles OwnCertificateOnly(net::TlsFiles tls) {
  tls.client_authorities.clear();
  return tls;
}

std::unique_ptr<MetricCollection> CollectMemoryMetrics(const BodyBudget& memory) {
  return CollectMetrics([&memory](MetricSink& sink) {
    sink.Gauge("slipway_request_memory_bytes", "Memory of requests in flight.", {},
               static_cast<double>(memory.used()));
    sink.Gauge("slipway_request_memory_limit_bytes", "The most that requests may take.", {},
               static_cast<double>(memory.limit()));
  });
}

}  // namespace

struct DataPlane::State {
  State(CorePool& pool, DataPlaneOptions options)
      : cores(pool),
        host(options.plugin_folder.empty() ? engine::DefaultPluginFolder() : options.plugin_folder),
        threads(options.engine_threads == 0 ? pool.size() : options.engine_threads),
        bodies(options.request_memory_bytes),
        slots(pool, bodies),
        inline_watch([this] { slots.LookAtInlineRuns(); }),
        shadows(pool),
        reconciler({.slots = slots,
                    .host = host,
                    .threads = threads,
                    .max_queued_runs = options.max_queued_runs,
                    .shadows = shadows,
                    .changed = std::move(options.changed)}),
        environment{
            .slots = slots,
            .bodies = bodies,
            .ready = [this] { return !stopping && reconciler.settled(); },
            .server_name = options.server_name,
            .non_finite = options.non_finite,
            .clock = *options.clock,
            .control = std::move(options.control),
            .models = options.models,
            .shared_memory = options.shared_memory ? &shared_memory : nullptr,
            .log = log,
            .trace = options.telemetry == nullptr ? trace : options.telemetry->trace_settings(),
            .telemetry = options.telemetry},
        passing{
            .slots = slots, .cores = pool, .bodies = bodies, .runs = TaskGroup(pool.executor(0))},
        grpc_environment{.v2 = environment},
        grpc(grpc::MakeService(grpc_environment)),
        revision_metrics(CollectRevisionMetrics(reconciler)),
        gpu_metrics(CollectGpuMetrics(reconciler)),
        memory_metrics(CollectMemoryMetrics(bodies)),
        rest(MakeRouter(*options.clock, RestRoutes())),
        metrics(MakeRouter(*options.clock, {{.method = net::Method::kGet,
                                             .pattern = "/metrics",
                                             .access = net::Access::kLocal,
                                             .handler = Metrics,
                                             .summary = "Metrics in Prometheus text format."}})),
        rest_server(
            pool, [this](net::HttpRequest& request) { return HandleRest(request); },
            ServerOptions("rest", options.tls)),
        metrics_server(
            pool, [this](net::HttpRequest& request) { return metrics.Handle(request); },
            ServerOptions("metrics", OwnCertificateOnly(options.tls))),
        grpc_server(pool, grpc, GrpcOptions(options.tls)) {}

  std::vector<net::Route> RestRoutes() {
    std::vector<net::Route> routes = v2::MakeRoutes(environment);
    for (net::Route& route : http::MakeRoutes(passing)) routes.push_back(std::move(route));
    return routes;
  }

  net::Router MakeRouter(Clock& clock, std::vector<net::Route> routes) {
    net::Router router;
    router.AddAll(std::move(routes));
    router.SetQuickGuard(MakeKeyGuard(slots, clock, environment.control));
    router.SetErrorWriter(
        "", [](const net::HttpRequest&, const Error& error) { return v2::ErrorResponse(error); });
    return router;
  }

  Task<net::HttpResponse> HandleRest(net::HttpRequest& request) {
    if (environment.telemetry != nullptr) [[unlikely]] {
      return environment.telemetry->Handle(rest, request);
    }
    return rest.Handle(request);
  }

  CorePool& cores;
  engine::PluginHost host;
  engine::EngineThreads threads;
  BodyBudget bodies;
  CoreSlots slots;
  InlineWatch inline_watch;
  Shadows shadows;
  std::atomic<bool> stopping{false};
  Reconciler reconciler;
  SharedMemory shared_memory;
  LogSettings log;
  TraceSettings trace;
  v2::Environment environment;
  http::Environment passing;
  grpc::Environment grpc_environment;
  const net::GrpcService grpc;
  std::unique_ptr<MetricCollection> revision_metrics;
  std::unique_ptr<MetricCollection> gpu_metrics;
  std::unique_ptr<MetricCollection> memory_metrics;
  net::Router rest;
  net::Router metrics;
  net::HttpServer rest_server;
  net::HttpServer metrics_server;
  net::HttpServer grpc_server;
};

DataPlane::DataPlane(CorePool& cores, DataPlaneOptions options)
    : state_(std::make_unique<State>(cores, std::move(options))) {}

DataPlane::~DataPlane() = default;

Result<void> DataPlane::Listen(std::string_view name, const net::Listener& listener) {
  if (name == "rest") return state_->rest_server.Listen(listener);
  if (name == "grpc") return state_->grpc_server.Listen(listener);
  if (name == "metrics") return state_->metrics_server.Listen(listener);
  return InvalidArgument("LISTENER_NAME", "there is no listener '" + std::string(name) +
                                              "': use rest, grpc or metrics");
}

void DataPlane::Apply(runtime::ServingConfig config) {
  state_->reconciler.Apply(std::move(config));
}

// All read the same files, and a server that nobody listens to has not begun with them.
Result<void> DataPlane::ReloadTls() {
  TRY_VOID(state_->rest_server.ReloadTls());
  TRY_VOID(state_->grpc_server.ReloadTls());
  return state_->metrics_server.ReloadTls();
}

runtime::ServingStatus DataPlane::status() const {
  return state_->reconciler.status();
}

std::vector<runtime::RevisionFigures> DataPlane::figures() const {
  return MeasuredFigures(state_->reconciler);
}

bool DataPlane::settled() const {
  return state_->reconciler.settled();
}

Task<void> DataPlane::Stop(std::chrono::milliseconds drain) {
  state_->stopping = true;
  TaskGroup stopping(co_await asio::this_coro::executor);
  for (net::HttpServer* server : {&state_->rest_server, &state_->grpc_server}) {
    stopping.Start([server, drain] { return server->Stop(drain); });
  }
  co_await stopping.Join();
  co_await state_->passing.runs.Stop();
  co_await state_->shadows.Stop();
  co_await state_->metrics_server.Stop(std::chrono::milliseconds(100));
}

const std::vector<net::Route>& DataPlane::rest_routes() const {
  return state_->rest.routes();
}

const std::vector<net::Route>& DataPlane::metrics_routes() const {
  return state_->metrics.routes();
}

}  // namespace slipway::gateway
