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
#include "controller/site/desired_input.h"
#include "controller/site/site_report.h"
#include "resource/token_store.h"

namespace slipway::controller {
namespace {

using resource::Key;
using resource::Resource;

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
  runtime::DesiredState state;
  uint64_t next_waiter = 1;
  std::map<uint64_t, Waiter> waiters;
};

// A service as the site shall run it, and the same as text: two are the same if their texts are.
struct Wanted {
  runtime::DesiredService service;
  std::string text;
};

Wanted WantedOf(runtime::DesiredService service) {
  std::string text = DumpJson(Encode(service));
  return {std::move(service), std::move(text)};
}

// The service that a change of this resource concerns; nothing where it may concern several.
std::optional<Key> ServiceOf(const Resource& resource) {
  const std::string& project = resource.metadata.project;
  if (resource.kind == "Service") return Key{"Service", project, resource.metadata.name};
  if (resource.kind != "Revision") return std::nullopt;
  return Key{"Service", project, resource.spec.value("service", std::string())};
}

}  // namespace

// All but `store`, `options` and `published` belongs to the reconciler's executor.
struct SiteDesk::State {
  State(asio::any_io_executor on, resource::ResourceStore& resources, SiteDeskOptions with);

  Key All() const { return {"Site", "", options.site}; }
  Key Note(const resource::WatchEvent& event);
  Task<Result<void>> Reconcile(Key key);
  Task<Result<void>> RecomputeAll();
  Task<Result<void>> Recompute(Key key);
  void Publish();
  bool IsNews(uint64_t known) const;

  resource::ResourceStore& store;
  const SiteDeskOptions options;
  Guarded<Published> published;

  // What is published, by project and name. Before the first whole reading nothing is: a site that
  // was told of some services only would end the others.
  std::map<std::pair<std::string, std::string>, Wanted> wanted;
  std::optional<uint64_t> read_version;      // of the store, when all was read
  resource::InferenceTokens tokens;          // as of then; a change of one reads all again
  std::map<Key, uint64_t> changed_versions;  // newest change of each service that is to be read
  Reconciler reconciler;
};

SiteDesk::State::State(asio::any_io_executor on, resource::ResourceStore& resources,
                       SiteDeskOptions with)
    : store(resources),
      options(std::move(with)),
      reconciler(on, resources,
                 {.name = "site",
                  .reconcile = [this](Key key) { return Reconcile(std::move(key)); },
                  .listing = [this] { reconciler.Enqueue(All()); }}) {
  for (const char* kind : {"Project", "Service", "Revision", "Token"}) {
    reconciler.Watch(
        kind, [this](const resource::WatchEvent& event) { return std::optional(Note(event)); });
  }
}

Key SiteDesk::State::Note(const resource::WatchEvent& event) {
  const std::optional<Key> service = ServiceOf(event.resource);
  if (!service) return All();
  uint64_t& newest = changed_versions[*service];
  newest = std::max(newest, event.resource.metadata.version);
  return *service;
}

Task<Result<void>> SiteDesk::State::Reconcile(Key key) {
  if (key.kind != "Service") co_return co_await RecomputeAll();
  // Until all was read, and of what was in that reading, there is nothing to do.
  const auto changed = changed_versions.extract(key);
  const bool is_read = !read_version || (!changed.empty() && changed.mapped() <= *read_version);
  co_return is_read ? Result<void>() : co_await Recompute(std::move(key));
}

Task<Result<void>> SiteDesk::State::RecomputeAll() {
  DesiredInput input;
  resource::InferenceTokens read_tokens;
  uint64_t version = 0;
  CO_TRY_VOID(co_await store.meta().Read([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(now, snapshot.Version());
    TRY(all_tokens, resource::InferenceTokens::Read(snapshot));
    TRY(read, ReadDesiredInput(snapshot, store.meta().epoch(), options.default_access, all_tokens));
    version = now;
    read_tokens = std::move(all_tokens);
    input = std::move(read);
    return {};
  }));
  std::map<std::pair<std::string, std::string>, Wanted> next;
  for (runtime::DesiredService& service : ComputeDesiredState(input).services) {
    std::pair name(service.project, service.name);
    next.emplace(std::move(name), WantedOf(std::move(service)));
  }
  const bool same = read_version && std::ranges::equal(next, wanted, [](auto& a, auto& b) {
                      return a.first == b.first && a.second.text == b.second.text;
                    });
  tokens = std::move(read_tokens);
  read_version = version;
  if (same) co_return Result<void>();
  wanted = std::move(next);
  Publish();
  co_return Result<void>();
}

Task<Result<void>> SiteDesk::State::Recompute(Key key) {
  DesiredInput input;
  CO_TRY_VOID(co_await store.meta().Read([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(read, ReadDesiredInput(snapshot, key, options.default_access, tokens));
    input = std::move(read);
    return {};
  }));
  std::vector<runtime::DesiredService> services = ComputeDesiredState(input).services;
  const std::pair name(key.project, key.name);
  auto before = wanted.find(name);
  if (services.empty()) {
    if (before == wanted.end()) co_return Result<void>();
    wanted.erase(before);
  } else {
    Wanted next = WantedOf(std::move(services.front()));
    if (before != wanted.end() && before->second.text == next.text) co_return Result<void>();
    wanted.insert_or_assign(name, std::move(next));
  }
  Publish();
  co_return Result<void>();
}

void SiteDesk::State::Publish() {
  runtime::DesiredState state;
  for (const auto& [name, one] : wanted) state.services.push_back(one.service);
  // Versions of another run of the control centre never look like one of this run.
  auto floor = static_cast<uint64_t>(store.clock().Wall().time_since_epoch().count());
  std::map<uint64_t, Waiter> waiters;
  published.With([&](Published& now) {
    state.version = std::max(now.state.version + 1, floor);
    now.state = std::move(state);
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
