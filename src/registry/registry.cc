#include "registry/registry.h"

#include <algorithm>

#include "async/deadline.h"
#include "base/log.h"
#include "oci/limits.h"
#include "oci/reference.h"
#include "registry/core.h"
#include "registry/error_response.h"
#include "registry/references.h"
#include "registry/removal_steps.h"
#include "registry/reprojection.h"
#include "registry/upload_age.h"

namespace slipway::registry {
namespace {

constexpr size_t kUploadKeyBytes = 32;

// The key that signs upload sessions: one for the life of the database.
Result<std::string> UploadKey(store::MetaStore& meta, Random& random) {
  std::string key;
  TRY_VOID(meta.MutateNow(CallContext::System("registry"),
                          [&](store::Transaction& transaction) -> Result<void> {
                            TRY(found, transaction.Get(kUploadKeyKey));
                            key = std::move(found).value_or("");
                            if (key.size() == kUploadKeyBytes) return {};
                            key.assign(kUploadKeyBytes, '\0');
                            random.Fill(std::as_writable_bytes(std::span(key)));
                            return transaction.Put(kUploadKeyKey, key);
                          }));
  return key;
}

Task<net::HttpResponse> Answer(std::shared_ptr<Core> core, CoreHandler handler,
                               net::HttpRequest& request) {
  Result<net::HttpResponse> response = co_await handler(*core, request);
  if (!response) co_return ErrorResponse(request, response.error());
  // An error that says more than its reason is a response too, and has it.
  const bool has_version = response->written_headers != nullptr ||
                           std::ranges::any_of(response->headers, [&](const auto& header) {
                             return header.first == kVersionHeader;
                           });
  if (!has_version) response->headers.emplace_back(kVersionHeader, kVersionValue);
  co_return std::move(*response);
}

Task<Result<net::HttpResponse>> GetVersion(Core&, net::HttpRequest&) {
  co_return net::HttpResponse::Json(200, "{}");
}

Task<void> SweepUploads(std::shared_ptr<Core> core) {
  const UploadAge age(*core->options.clock);
  while (co_await SleepFor(kSweepInterval)) {
    const auto before = age.ExpiredBefore(kUploadExpiry).time_since_epoch();
    const Result<uint64_t> removed = co_await core->pool().Run([core, before] {
      return core->objects().RemoveStaleUploads(static_cast<uint64_t>(before.count()));
    });
    if (!removed) {
      LogWarning("expired uploads were not removed", {{"error", removed.error()}});
    } else if (*removed > 0) {
      LogInfo("removed expired uploads", {{"count", *removed}});
    }
  }
}

}  // namespace

net::Route MakeRoute(const std::shared_ptr<Core>& core, net::Method method,
                     std::string_view pattern, net::Access access, CoreHandler handler,
                     std::string_view summary) {
  return {.method = method,
          .pattern = std::string(pattern),
          .access = access,
          .handler =
              [core, handler](net::HttpRequest& request) { return Answer(core, handler, request); },
          .summary = std::string(summary)};
}

Result<std::string> RepositoryOf(const net::HttpRequest& request) {
  const std::string& name = request.Parameter("name");
  TRY_VOID(oci::CheckRepositoryName(name));
  std::string repository = oci::CanonicalRepository(name);
  // The name of a project before it may make it too long.
  if (repository.size() != name.size()) TRY_VOID(oci::CheckRepositoryName(repository));
  return repository;
}

std::string PathOf(const net::HttpRequest& request, std::string_view rest) {
  return "/v2/" + request.Parameter("name") + "/" + std::string(rest);
}

Task<Result<void>> Change(Core& core, const net::HttpRequest& request, std::string repository,
                          std::function<Result<void>(RepositoryWriter&)> change) {
  co_return co_await ChangeRows(core, request.context, repository, change);
}

store::Publication EnterToPublish(Core& core, const Digest& object, ObjectGate::Pass& pass) {
  pass = core.gate.Enter(object);
  bool damaged = false;
  if (core.damage.any()) {
    const auto read = core.meta().ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
      TRY(found, IsDamaged(snapshot, object));
      damaged = found;
      return {};
    });
    // Verified bytes do no harm where they were not needed.
    if (!read) damaged = true;
  }
  return damaged ? store::Publication::kReplace : store::Publication::kKeep;
}

void RemoveDamagedFile(Core& core, const Digest& object) {
  if (!core.damage.any()) return;
  // Who publishes it as a file at this moment replaces it.
  const auto pass = core.gate.Close(object);
  if (!pass) return;
  bool damaged = false;
  const auto read = core.meta().ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(found, IsDamaged(snapshot, object));
    damaged = found;
    return {};
  });
  if (!read || !damaged) return;
  const Result<void> removed = core.objects().Remove(object);
  if (removed || removed.error().code() == Code::kNotFound) return;
  LogWarning("a damaged file was not removed", {{"error", removed.error()}});
}

Task<void> CountDamage(Core& core) {
  if (!core.damage.any()) co_return;
  core.reads.Forget();
  const Result<void> counted =
      co_await core.pool().Run([&core] { return core.damage.Refresh(core.meta()); });
  if (!counted) LogWarning("damaged objects were not counted", {{"error", counted.error()}});
}

struct Registry::State {
  std::shared_ptr<Core> core;
  std::unique_ptr<TaskGroup> tasks;
};

Registry::Registry(std::unique_ptr<State> state) : state_(std::move(state)) {}
Registry::~Registry() = default;

Result<std::unique_ptr<Registry>> Registry::Open(RegistryOptions options) {
  if (options.max_manifest_bytes > oci::kMaxManifestBytes) {
    return InvalidArgument("MANIFEST_LIMIT", "manifests of at most " +
                                                 std::to_string(oci::kMaxManifestBytes) +
                                                 " bytes can be allowed.");
  }
  TRY_VOID(BuildReferences(*options.meta, *options.objects));
  TRY(key, UploadKey(*options.meta, *options.random));
  auto state = std::make_unique<State>();
  Clock& clock = *options.clock;
  const std::chrono::milliseconds hold = options.hold;
  store::MetaStore& meta = *options.meta;
  state->core = std::shared_ptr<Core>(new Core{.options = std::move(options),
                                               .signer = UploadSigner(key),
                                               .pieces = BodyBudget(kMaxPiecesBytes),
                                               .manifests = FairBudget(kMaxManifestsBytes),
                                               .small_uploads = {},
                                               .upload_turns = {},
                                               .holds = Holds(clock, hold),
                                               .gate = {},
                                               .reads = Reads(meta),
                                               .damage = {},
                                               .maintenance = {}});
  TRY_VOID(state->core->maintenance.Load(*state->core));
  return std::unique_ptr<Registry>(new Registry(std::move(state)));
}

std::vector<net::Route> Registry::Routes() const {
  const std::shared_ptr<Core>& core = state_->core;
  std::vector<net::Route> routes;
  for (const char* path : {"/v2", "/v2/"}) {
    routes.push_back(MakeRoute(core, net::Method::kGet, path, net::Access::kRegistry, GetVersion,
                               "Says that this is a registry, and asks who is there."));
  }
  for (auto* part : {BlobRoutes, UploadRoutes, ManifestRoutes, ListRoutes, MaintenanceRoutes}) {
    for (net::Route& route : part(core)) routes.push_back(std::move(route));
  }
  return routes;
}

Task<Result<Digest>> Registry::Publish(CallContext context, std::string repository,
                                       NewArtifact artifact) {
  return PublishArtifact(state_->core, std::move(context), std::move(repository),
                         std::move(artifact));
}

Task<Result<void>> Registry::Change(CallContext context, std::string repository,
                                    RepositoryChange change) {
  return ChangeRepository(state_->core, std::move(context), std::move(repository),
                          std::move(change));
}

Task<Result<void>> Registry::FinishRemovals() {
  return registry::FinishRemovals(*state_->core);
}

Task<Result<void>> Registry::Reproject() {
  return registry::Reproject(*state_->core);
}

std::unique_ptr<Collector> Registry::MakeCollector(bool dry_run) {
  Core& core = *state_->core;
  return std::make_unique<Collector>(CollectorOptions{.meta = core.options.meta,
                                                      .objects = core.options.objects,
                                                      .holds = &core.holds,
                                                      .gate = &core.gate,
                                                      .damage = &core.damage,
                                                      .clock = core.options.clock,
                                                      .dry_run = dry_run});
}

Holds& Registry::holds() {
  return state_->core->holds;
}

std::unique_ptr<Scrubber> Registry::MakeScrubber(ScrubPass pass) {
  Core& core = *state_->core;
  return std::make_unique<Scrubber>(ScrubberOptions{.meta = core.options.meta,
                                                    .objects = core.options.objects,
                                                    .gate = &core.gate,
                                                    .damage = &core.damage,
                                                    .clock = core.options.clock},
                                    std::move(pass));
}

uint64_t Registry::damaged() const {
  return state_->core->damage.count();
}

void Registry::Start(asio::any_io_executor executor) {
  CHECK(!state_->tasks);
  state_->tasks = std::make_unique<TaskGroup>(std::move(executor));
  state_->tasks->Start([core = state_->core] { return SweepUploads(core); });
  state_->tasks->Start([core = state_->core] { return RemoveNowAndThen(core); });
  state_->tasks->Start([core = state_->core] { return ReprojectInTime(core); });
  state_->core->maintenance.Start(state_->core, *state_->tasks);
}

Task<void> Registry::Stop() {
  state_->core->maintenance.Stop();
  if (state_->tasks) co_await state_->tasks->Stop();
}

}  // namespace slipway::registry
