// The listener of API and registry.
#include <atomic>
#include <optional>

#include <fmt/format.h>

#include "async/guarded.h"
#include "base/build_info.h"
#include "controller/model/usage.h"
#include "klever/error_response.h"
#include "klever/klever.h"
#include "klever/route_notes.h"
#include "model/inspect.h"
#include "net/http_server.h"
#include "net/router.h"
#include "oci/reference.h"
#include "registry/challenge.h"
#include "registry/error_response.h"
#include "registry/registry.h"
#include "registry/route_notes.h"
#include "registry/token_service.h"
#include "resource/api/api.h"
#include "resource/openapi.h"
#include "resource/project_policy.h"
#include "resource/token_store.h"
#include "runtime/site_folder.h"
#include "server/disk_room.h"
#include "server/health_routes.h"
#include "server/model_routes.h"
#include "server/parts.h"
#include "server/revocation_watch.h"
#include "server/service_log.h"
#include "server/service_routes.h"
#include "server/traffic_routes.h"
#include "trust/access.h"
#include "trust/guard.h"
#include "trust/recheck.h"

namespace slipway::server {
namespace {

Task<net::HttpResponse> OpenApi(std::shared_ptr<const std::string> document) {
  co_return net::HttpResponse::Json(200, *document);
}

std::vector<resource::RouteNote> RouteNotes() {
  std::vector<resource::RouteNote> notes = registry::RegistryRouteNotes();
  for (resource::RouteNote& note : klever::KleverRouteNotes()) notes.push_back(std::move(note));
  return notes;
}

// The document of all routes that are in the router by now; made at the first question.
net::Route OpenApiRoute(const net::Router& router) {
  auto made = std::make_shared<Guarded<std::shared_ptr<const std::string>>>();
  auto document = [&router, made] {
    return made->With([&](auto& text) {
      if (!text) {
        text = std::make_shared<const std::string>(
            DumpJson(resource::OpenApiDocument(router.routes(), Version(), RouteNotes())));
      }
      return text;
    });
  };
  return {net::Method::kGet, "/openapi.json", net::Access::kIdentified,
          [document](net::HttpRequest&) { return OpenApi(document()); },
          "This interface, as OpenAPI 3.1"};
}

Task<std::string> Warning(BlockingPool& pool, std::string data_folder, uint64_t damaged) {
  std::string warning = co_await pool.Run([&data_folder] { return DiskWarning(data_folder); });
  if (damaged > 0) {
    if (!warning.empty()) warning += "; ";
    warning += fmt::format(
        "{} objects of the registry are damaged and not served: push them again, or restore a "
        "backup (slipway registry status)",
        damaged);
  }
  co_return warning;
}

Task<Result<bool>> ProjectExists(resource::ResourceStore& store, std::string project) {
  Result<resource::Resource> found =
      co_await store.Get({.kind = "Project", .project = {}, .name = std::move(project)});
  if (found) co_return true;
  if (found.error().code() == Code::kNotFound) co_return false;
  co_return found.error();
}

struct LogSource {
  resource::ResourceStore& store;
  BlockingPool& pool;
  std::string path;
};

Task<net::HttpResponse> ServiceLogs(LogSource source, resource::Key service,
                                    trust::Recheck follow) {
  Result<resource::Resource> found = co_await source.store.Get(service);
  if (!found) co_return net::ProblemResponse(found.error());
  co_return ServiceLogResponse(source.pool, std::move(source.path), service, std::move(follow));
}

class HttpApiPart final : public ApiPart {
 public:
  HttpApiPart(const ServerOptions& options, Threads& threads, Stores& stores)
      : options_(options),
        threads_(threads),
        stores_(stores),
        anonymous_pull_(resource::MakeAnonymousPull(*stores.meta, SystemClock())) {}

  Result<void> Start() override {
    TRY(listener, net::Listener::Open(options_.address, PortsOf(options_.port_base).api));
    port_ = listener.port();
    TRY_VOID(OpenAccess());
    TRY(registry, OpenRegistry());
    registry_ = std::move(registry);
    OpenKlever();
    FillRouter();
    http_ = std::make_unique<net::HttpServer>(
        threads_.cores, [this](net::HttpRequest& request) { return router_.Handle(request); },
        net::HttpServerOptions{
            .server_name = "api",
            .path_refusal = {.prefix = "/v2", .write = registry::RefusalResponse},
            .tls = options_.tls});
    registry_->Start(threads_.cores.executor(0));
    klever_->Start(threads_.cores.executor(0));
    revocations_->Start();
    return http_->Listen(listener);
  }

  void SetReady(bool ready) override { ready_ = ready; }

  Result<void> ReloadTls() override { return http_->ReloadTls(); }

  Task<void> Stop(std::chrono::milliseconds drain) override {
    if (http_) co_await http_->Stop(drain);
    if (revocations_) co_await revocations_->Stop();
    if (klever_) co_await klever_->Stop();
    if (registry_) co_await registry_->Stop();
  }

  uint16_t port() const override { return port_; }

 private:
  // Who may do what, and until when.
  Result<void> OpenAccess() {
    const auto lifetime = std::chrono::floor<std::chrono::seconds>(options_.access_token_lifetime);
    TRY(tokens, registry::OpenAccessTokens(*stores_.meta, *stores_.secrets, lifetime, SystemClock(),
                                           SystemRandom()));
    access_tokens_ = std::move(tokens);
    authenticator_.emplace(resource::MakeTokenLookup(*stores_.meta), SystemClock(),
                           trust::Authenticator::Options{.anonymous = options_.anonymous,
                                                         .access_tokens = access_tokens_.get()});
    revocations_.emplace(threads_.cores.executor(0), *stores_.resources, *authenticator_);
    return {};
  }

  Result<std::unique_ptr<registry::Registry>> OpenRegistry() {
    return registry::Registry::Open(
        {.meta = stores_.meta.get(),
         .objects = stores_.objects.get(),
         .pool = &threads_.blocking,
         .clock = &SystemClock(),
         .random = &SystemRandom(),
         .facts_of = model::FactsOfManifest,
         .check_unused = controller::CheckModelUnused,
         .claims_of =
             [this](const net::HttpRequest& request) { return authenticator_->ClaimsOf(request); },
         .max_manifest_bytes = options_.care.max_manifest_bytes,
         .hold = options_.care.hold,
         .collection_interval = options_.care.collection_interval,
         .scrub_interval = options_.care.scrub_interval,
         .collection_rate = options_.care.collection_rate,
         .scrub_rate = options_.care.scrub_rate});
  }

  void OpenKlever() {
    klever_ = std::make_unique<klever::Klever>(
        klever::KleverOptions{.registry = registry_.get(),
                              .objects = stores_.objects.get(),
                              .resources = stores_.resources.get(),
                              .pool = &threads_.blocking,
                              .files = &PosixFileSystem(),
                              .clock = &SystemClock(),
                              .random = &SystemRandom(),
                              .folder = stores_.folder->root() + "/klever",
                              .reserve = ReserveOf(options_.data),
                              .program_version = fmt::format("slipway {}", Version())});
  }

  void FillRouter() {
    const LogSource logs{*stores_.resources, threads_.blocking,
                         runtime::ServeLogPath(LocalSiteFolder(*stores_.folder))};
    resource::ApiHooks hooks;
    hooks.recheck = [this](const net::HttpRequest& request) {
      return trust::MakeRecheck(*authenticator_, request);
    };
    hooks.service_logs = [logs, recheck = hooks.recheck](net::HttpRequest& request,
                                                         resource::Key service) {
      const bool follow = net::IsSet(request, "follow");
      return ServiceLogs(logs, std::move(service), follow ? recheck(request) : nullptr);
    };
    router_.AddAll(resource::ApiRoutes(*stores_.resources, hooks));
    router_.AddAll(ServiceRoutes(*stores_.resources));
    router_.AddAll(TrafficRoutes(*stores_.resources));
    router_.AddAll(ModelRoutes(*stores_.resources));
    router_.AddAll(registry_->Routes());
    router_.AddAll(klever_->Routes());
    router_.SetErrorWriter("/api/v1alpha1", klever::WriteKleverError);
    router_.SetErrorWriter("/api/v2.0", klever::WriteHarborError);
    router_.AddAll(HealthRoutes(
        {.ready = [this] { return ready_.load(); },
         .warning =
             [this] { return Warning(threads_.blocking, options_.data, registry_->damaged()); }}));
    router_.Add(OpenApiRoute(router_));
    router_.AddAll(registry::TokenServiceRoutes({.authenticator = &*authenticator_,
                                                 .tokens = access_tokens_.get(),
                                                 .anonymous_pull = anonymous_pull_}));
    router_.SetErrorWriter("/v2",
                           registry::MakeErrorWriter({.external_url = options_.external_url,
                                                      .has_tls = !options_.tls.empty(),
                                                      .service = access_tokens_->service()}));
    router_.SetGuard(trust::MakeGuard({.authenticator = &*authenticator_,
                                       .project_exists =
                                           [this](std::string project) {
                                             return ProjectExists(*stores_.resources,
                                                                  std::move(project));
                                           },
                                       .anonymous_pull = anonymous_pull_,
                                       .check_name = oci::CheckRepositoryName}));
  }

  const ServerOptions& options_;
  Threads& threads_;
  Stores& stores_;
  const std::function<Task<Result<bool>>(std::string project)> anonymous_pull_;
  std::unique_ptr<trust::AccessTokens> access_tokens_;
  std::optional<trust::Authenticator> authenticator_;
  std::optional<RevocationWatch> revocations_;
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<klever::Klever> klever_;
  net::Router router_;
  std::unique_ptr<net::HttpServer> http_;
  std::atomic<bool> ready_ = false;
  uint16_t port_ = 0;
  const std::unique_ptr<MetricCollection> disk_room_ = CollectDiskRoom(options_.data);
};

}  // namespace

std::unique_ptr<ApiPart> MakeApiPart(const ServerOptions& options, Threads& threads,
                                     Stores& stores) {
  return std::make_unique<HttpApiPart>(options, threads, stores);
}

}  // namespace slipway::server
