#include "controller/service/service_controller.h"

#include <set>

#include <boost/asio/post.hpp>
#include <nlohmann/json.hpp>

#include "base/crash_point.h"
#include "base/log.h"
#include "controller/reconciler.h"
#include "controller/service/plan.h"
#include "controller/service/rollback.h"
#include "oci/reference.h"
#include "registry/lookup.h"
#include "runtime/site_state.h"

namespace slipway::controller {
namespace {

using resource::Key;
using resource::Resource;
using resource::ResourceTransaction;

constexpr std::string_view kServiceLabel = "slipway/service";

Resource RevisionResource(const Service& service, const resource::RevisionSpec& spec) {
  Resource resource;
  resource.kind = "Revision";
  resource.metadata.project = service.metadata.project;
  resource.metadata.name = RevisionName(service.metadata.name, spec.number);
  resource.metadata.labels = {{std::string(kServiceLabel), service.metadata.name}};
  resource.metadata.owners = {
      {.kind = "Service", .name = service.metadata.name, .uid = service.metadata.uid}};
  resource.spec = Encode(spec);
  return resource;
}

// What a following service's tags point at now.
Result<FollowedTags> Followed(ResourceTransaction& transaction, const Service& service) {
  FollowedTags followed;
  if (!service.spec.follow) return followed;
  resource::ModelSettings settings = service.spec.predictor;
  for (const resource::NamedPackage& package : PackagesOf(settings)) {
    TRY(reference, oci::Reference::Parse(*package.reference));
    if (reference.tag.empty()) continue;
    TRY(digest, registry::ResolveTag(transaction.raw(), reference.repository, reference.tag));
    if (digest) followed.insert_or_assign(reference.repository + ":" + reference.tag, *digest);
  }
  return followed;
}

Result<void> SetPhase(ResourceTransaction& transaction, const Key& revision,
                      std::string_view phase) {
  TRY(found, transaction.Get(revision));
  Json status = found.status;
  status["phase"] = phase;
  TRY(updated, transaction.UpdateStatus(revision, std::move(status)));
  (void)updated;
  return {};
}

Result<void> Act(ResourceTransaction& transaction, const Service& service,
                 const ServicePlan& plan) {
  const std::string& project = service.metadata.project;
  for (const std::string& name : plan.remove) {
    TRY_VOID(transaction.Delete({"Revision", project, name}));
  }
  for (const std::string& name : plan.retire) {
    TRY_VOID(SetPhase(transaction, {"Revision", project, name}, runtime::kPhaseRetired));
  }
  for (const std::string& name : plan.revive) {
    TRY_VOID(SetPhase(transaction, {"Revision", project, name}, runtime::kPhasePending));
  }
  if (plan.create) {
    TRY(made, transaction.Create(RevisionResource(service, *plan.create)));
    (void)made;
    CRASH_POINT("service.revision_created");
  }
  TRY(updated,
      transaction.UpdateStatus({"Service", project, service.metadata.name}, Encode(plan.status)));
  (void)updated;
  return {};
}

// Which service an event is about; nothing if about none.
std::optional<Key> ServiceOf(const Resource& resource) {
  if (resource.kind == "Service") {
    return Key{"Service", resource.metadata.project, resource.metadata.name};
  }
  auto label = resource.metadata.labels.find(std::string(kServiceLabel));
  if (label == resource.metadata.labels.end()) return std::nullopt;
  return Key{"Service", resource.metadata.project, label->second};
}

}  // namespace

namespace {

// Returns how the service's canary goes, where there is one.
Result<std::string> ReconcileMeasured(ResourceTransaction& transaction, const Key& key,
                                      const Measured& measured) {
  TRY(found, transaction.Find(key));
  if (!found || found->metadata.deleted_at) return std::string();
  TRY(service, Service::From(*found));
  TRY(revisions, RevisionsOf(transaction, service.metadata));
  TRY(followed, Followed(transaction, service));
  TRY(plan, PlanService(service, std::move(revisions), followed, measured));
  TRY_VOID(Act(transaction, service, plan));
  return std::move(plan.canary_progress);
}

}  // namespace

Result<void> ReconcileService(ResourceTransaction& transaction, const Key& key) {
  TRY(progress, ReconcileMeasured(transaction, key, {}));
  (void)progress;
  return {};
}

struct ServiceController::State {
  State(asio::any_io_executor on, resource::ResourceStore& resources)
      : store(resources),
        executor(on),
        reconciler(std::move(on), resources,
                   {.name = "controller.service",
                    .reconcile = [this](Key key) { return Reconcile(std::move(key)); }}) {
    reconciler.Watch("Service", [this](const resource::WatchEvent& event) {
      NoteFollower(event);
      NoteCanary(event);
      return ServiceOf(event.resource);
    });
    reconciler.Watch("Revision",
                     [](const resource::WatchEvent& event) { return ServiceOf(event.resource); });
    // A tag may have moved: every service that follows one is planned anew.
    reconciler.Watch("Model", [this](const resource::WatchEvent&) {
      for (const Key& follower : followers) reconciler.Enqueue(follower);
      return std::optional<Key>();
    });
  }

  void NoteFollower(const resource::WatchEvent& event) {
    const Key key{"Service", event.resource.metadata.project, event.resource.metadata.name};
    const bool follows =
        event.type != resource::EventType::kDeleted && event.resource.spec.value("follow", false);
    if (follows) {
      followers.insert(key);
    } else {
      followers.erase(key);
    }
  }

  // Those that go on with what is measured.
  void NoteCanary(const resource::WatchEvent& event) {
    const Key key{"Service", event.resource.metadata.project, event.resource.metadata.name};
    const Json& status = event.resource.status;
    const auto canary = status.find("canary");
    const std::string phase =
        canary == status.end() ? std::string() : canary->value("phase", std::string());
    const bool is_on_trial = phase == resource::kCanaryStepping || phase == resource::kCanaryPaused;
    if (event.type != resource::EventType::kDeleted && is_on_trial) {
      canaries.insert(key);
    } else {
      canaries.erase(key);
    }
  }

  void Take(FiguresByUid newest) {
    figures = std::make_shared<const FiguresByUid>(std::move(newest));
    for (const Key& canary : canaries) reconciler.Enqueue(canary);
  }

  Task<Result<void>> Reconcile(Key key) {
    const Measured measured{.figures = figures, .now = store.clock().Wall()};
    std::string progress;
    CO_TRY_VOID(co_await store.Transact(
        CallContext::System("controller.service"),
        [&measured, &key, &progress](ResourceTransaction& transaction) -> Result<void> {
          TRY(now, ReconcileMeasured(transaction, key, measured));
          progress = std::move(now);
          return {};
        }));
    const bool has_some = !progress.empty();
    // What is over is said to be nothing once.
    if (has_some || told.contains(key)) {
      store.SetVolatileStatus(
          key, has_some ? Json{{"canaryProgress", std::move(progress)}} : Json::object());
    }
    if (has_some) {
      told.insert(std::move(key));
    } else {
      told.erase(key);
    }
    co_return Result<void>();
  }

  resource::ResourceStore& store;
  const asio::any_io_executor executor;
  std::set<Key> followers;
  std::set<Key> canaries;
  std::set<Key> told;                           // services with a progress in their volatile status
  std::shared_ptr<const FiguresByUid> figures;  // of the newest report
  Reconciler reconciler;
};

ServiceController::ServiceController(asio::any_io_executor executor, resource::ResourceStore& store)
    : state_(std::make_shared<State>(std::move(executor), store)) {}

ServiceController::~ServiceController() = default;

void ServiceController::Start() {
  state_->reconciler.Start();
}

void ServiceController::Note(const runtime::SiteReport& report) {
  FiguresByUid figures;
  for (const runtime::RevisionReport& revision : report.revisions) {
    if (revision.figures) figures.emplace(revision.uid, *revision.figures);
  }
  asio::post(state_->executor, [state = state_, figures = std::move(figures)]() mutable {
    state->Take(std::move(figures));
  });
}

Task<void> ServiceController::Stop() {
  return state_->reconciler.Stop();
}

}  // namespace slipway::controller
