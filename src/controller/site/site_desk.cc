#include "controller/site/site_desk.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "async/completion.h"
#include "async/guarded.h"
#include "base/log.h"
#include "controller/reconciler.h"
#include "controller/site/desired_state.h"
#include "controller/site/site_report.h"
#include "resource/kinds/project.h"
#include "resource/list.h"
#include "resource/token_store.h"

namespace slipway::controller {
namespace {

using resource::Key;
using resource::Resource;

constexpr size_t kPage = 5'000;

// All resources of a kind, in all projects.
Result<std::vector<Resource>> ReadAll(const store::Snapshot& snapshot, const std::string& epoch,
                                      std::string_view kind) {
  std::vector<Resource> out;
  resource::ListOptions options{.limit = kPage};
  do {
    TRY(page, resource::ReadList(snapshot, epoch, *resource::FindKind(kind), "", options));
    std::move(page.items.begin(), page.items.end(), std::back_inserter(out));
    options.continue_token = page.continue_token;
  } while (!options.continue_token.empty());
  return out;
}

Result<std::vector<runtime::ServingKey>> ReadKeys(const store::Snapshot& snapshot,
                                                  const Service& service) {
  TRY(tokens, resource::InferenceKeys(snapshot, service.metadata.project, service.metadata.name));
  std::vector<runtime::ServingKey> out;
  for (const resource::InferenceKey& token : tokens) {
    runtime::ServingKey key{.sha256 = token.secret_sha256};
    if (token.expires_at.has_value()) {
      key.expires_at_ms = token.expires_at->time_since_epoch().count();
    }
    out.push_back(std::move(key));
  }
  return out;
}

Result<DesiredInput> ReadInput(const store::Snapshot& snapshot, const std::string& epoch,
                               resource::InferenceAccess default_access) {
  DesiredInput input{.default_access = default_access};
  TRY(projects, ReadAll(snapshot, epoch, "Project"));
  for (const Resource& resource : projects) {
    TRY(spec, Decode<resource::ProjectSpec>(resource.spec, "spec", UnknownFields::kIgnore));
    if (!spec.allow_anonymous) input.token_only_projects.insert(resource.metadata.name);
  }
  TRY(services, ReadAll(snapshot, epoch, "Service"));
  for (const Resource& resource : services) {
    TRY(service, Service::From(resource));
    if (AccessOf(input, service) == resource::InferenceAccess::kToken) {
      TRY(keys, ReadKeys(snapshot, service));
      input.keys[{service.metadata.project, service.metadata.name}] = std::move(keys);
    }
    input.services.push_back(std::move(service));
  }
  TRY(revisions, ReadAll(snapshot, epoch, "Revision"));
  for (const Resource& resource : revisions) {
    TRY(revision, Revision::From(resource));
    input.revisions.push_back(std::move(revision));
  }
  return input;
}

// The statuses that the report changes.
Result<void> WriteReport(resource::ResourceTransaction& transaction,
                         const runtime::SiteReport& report) {
  for (const runtime::RevisionReport& one : report.revisions) {
    Key key{"Revision", one.project, one.name};
    TRY(found, transaction.Find(key));
    if (!found.has_value()) continue;
    TRY(revision, Revision::From(*found));
    auto next = RevisionStatusAfter(revision, one);
    if (!next.has_value()) continue;
    TRY(updated, transaction.UpdateStatus(key, Encode(*next)));
    (void)updated;
  }
  Key key{"Site", "", report.site};
  TRY(site, transaction.Find(key));
  if (!site.has_value()) return {};
  Json status = Encode(SiteStatusAfter(report, site->metadata.generation));
  TRY(updated, transaction.UpdateStatus(key, std::move(status)));
  (void)updated;
  return {};
}

// One who waits for a version that it does not know.
struct Waiter {
  uint64_t known = 0;
  std::function<void()> resume;
};

struct Published {
  std::string content;  // of the state, without its version
  runtime::DesiredState state;
  uint64_t next_waiter = 1;
  std::map<uint64_t, Waiter> waiters;
};

}  // namespace

struct SiteDesk::State {
  State(asio::any_io_executor on, resource::ResourceStore& resources, SiteDeskOptions with);

  Task<Result<void>> Recompute();
  void Publish(runtime::DesiredState state);
  bool IsNews(uint64_t known) const;

  resource::ResourceStore& store;
  const SiteDeskOptions options;
  Guarded<Published> published;
  Reconciler reconciler;
};

SiteDesk::State::State(asio::any_io_executor on, resource::ResourceStore& resources,
                       SiteDeskOptions with)
    : store(resources),
      options(std::move(with)),
      reconciler(on, resources,
                 {.name = "site", .reconcile = [this](Key) { return Recompute(); }}) {
  auto to_key = [this](const resource::WatchEvent&) {
    return std::optional(Key{"Site", "", options.site});
  };
  for (const char* kind : {"Project", "Service", "Revision", "Token"})
    reconciler.Watch(kind, to_key);
}

Task<Result<void>> SiteDesk::State::Recompute() {
  DesiredInput input;
  CO_TRY_VOID(co_await store.meta().Read([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(read, ReadInput(snapshot, store.meta().epoch(), options.default_access));
    input = std::move(read);
    return {};
  }));
  Publish(ComputeDesiredState(input));
  co_return Result<void>();
}

void SiteDesk::State::Publish(runtime::DesiredState state) {
  std::string content = DumpJson(Encode(state));
  // Versions of another run of the control centre never look like one of this run.
  auto floor = static_cast<uint64_t>(store.clock().Wall().time_since_epoch().count());
  std::map<uint64_t, Waiter> waiters;
  published.With([&](Published& now) {
    if (now.state.version != 0 && now.content == content) return;
    state.version = std::max(now.state.version + 1, floor);
    now.state = std::move(state);
    now.content = std::move(content);
    waiters.swap(now.waiters);
  });
  for (const auto& [id, waiter] : waiters) waiter.resume();
}

bool SiteDesk::State::IsNews(uint64_t known) const {
  return published.With([known](const Published& now) {
    return now.state.version != 0 && now.state.version != known;
  });
}

SiteDesk::SiteDesk(asio::any_io_executor executor, resource::ResourceStore& store,
                   SiteDeskOptions options)
    : state_(std::make_shared<State>(std::move(executor), store, std::move(options))) {}

SiteDesk::~SiteDesk() = default;

void SiteDesk::Start() {
  state_->reconciler.Start();
  // A store without services has a desired state too.
  state_->reconciler.Enqueue({"Site", "", state_->options.site});
}

Task<void> SiteDesk::Stop() {
  co_await state_->reconciler.Stop();
}

Task<Result<runtime::DesiredState>> SiteDesk::Desired(uint64_t known) {
  std::shared_ptr<State> state = state_;
  auto id = std::make_shared<uint64_t>(0);
  auto start = [state, known, id](std::function<void()> done) {
    bool at_once = state->published.With([&](Published& now) {
      if (now.state.version != 0 && now.state.version != known) return true;
      *id = now.next_waiter++;
      now.waiters[*id] = {known, done};
      return false;
    });
    if (at_once) done();
  };
  auto cancel = [state, id] {
    std::function<void()> resume;
    state->published.With([&](Published& now) {
      auto found = now.waiters.find(*id);
      if (found == now.waiters.end()) return;
      resume = std::move(found->second.resume);
      now.waiters.erase(found);
    });
    if (resume) resume();
  };
  co_await AwaitDone(start, cancel);
  if (!state->IsNews(known)) {
    co_return Error(Code::kCancelled, "WATCH_CANCELLED", "the wait for a desired state ended");
  }
  co_return state->published.With([](const Published& now) { return now.state; });
}

Task<Result<void>> SiteDesk::Report(runtime::SiteReport report) {
  std::shared_ptr<State> state = state_;
  report.site = state->options.site;
  state->store.SetVolatileStatus({"Site", "", report.site},
                                 {{"servingGeneration", report.serving_generation},
                                  {"lastSeenAt", FormatRfc3339(state->store.clock().Wall())}});
  co_return co_await state->store.Transact(CallContext::System("site"),
                                           [&report](resource::ResourceTransaction& transaction) {
                                             return WriteReport(transaction, report);
                                           });
}

}  // namespace slipway::controller
