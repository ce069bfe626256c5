#include "controller/service/service_controller.h"

#include <set>

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

// The digest that a following service's tag points at now.
Result<std::optional<Digest>> Followed(ResourceTransaction& transaction, const Service& service) {
  if (!service.spec.follow) return std::optional<Digest>();
  TRY(reference, oci::Reference::Parse(service.spec.predictor.model));
  if (reference.tag.empty()) return std::optional<Digest>();
  return registry::ResolveTag(transaction.raw(), reference.repository, reference.tag);
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

Result<void> ReconcileService(ResourceTransaction& transaction, const Key& key) {
  TRY(found, transaction.Find(key));
  if (!found || found->metadata.deleted_at) return {};
  TRY(service, Service::From(*found));
  TRY(revisions, RevisionsOf(transaction, service.metadata));
  TRY(followed, Followed(transaction, service));
  TRY(plan, PlanService(service, std::move(revisions), followed));
  return Act(transaction, service, plan);
}

struct ServiceController::State {
  State(asio::any_io_executor executor, resource::ResourceStore& resources)
      : store(resources),
        reconciler(std::move(executor), resources,
                   {.name = "controller.service",
                    .reconcile = [this](Key key) { return Reconcile(std::move(key)); }}) {
    reconciler.Watch("Service", [this](const resource::WatchEvent& event) {
      NoteFollower(event);
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

  Task<Result<void>> Reconcile(Key key) {
    return store.Transact(CallContext::System("controller.service"),
                          [key = std::move(key)](ResourceTransaction& transaction) {
                            return ReconcileService(transaction, key);
                          });
  }

  resource::ResourceStore& store;
  std::set<Key> followers;
  Reconciler reconciler;
};

ServiceController::ServiceController(asio::any_io_executor executor, resource::ResourceStore& store)
    : state_(std::make_shared<State>(std::move(executor), store)) {}

ServiceController::~ServiceController() = default;

void ServiceController::Start() {
  state_->reconciler.Start();
}

Task<void> ServiceController::Stop() {
  return state_->reconciler.Stop();
}

}  // namespace slipway::controller
