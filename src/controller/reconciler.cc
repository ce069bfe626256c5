#include "controller/reconciler.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <vector>

#include "async/deadline.h"
#include "async/task_group.h"
#include "async/wakeup.h"
#include "base/log.h"

namespace slipway::controller {
namespace {

using namespace std::chrono_literals;
using resource::Key;
using resource::WatchEvent;

constexpr auto kFirstPause = 100ms;
constexpr std::chrono::milliseconds kLongestPause = 30s;
constexpr auto kWatchPause = 200ms;
constexpr size_t kListPage = 1'000;

struct WatchedKind {
  std::string kind;
  Reconciler::ToKey to_key;
};

}  // namespace

struct Reconciler::State : std::enable_shared_from_this<State> {
  State(asio::any_io_executor on, resource::ResourceStore& resources, ReconcilerOptions wanted)
      : store(resources), options(std::move(wanted)), wakeup(on), tasks(on) {}

  void Enqueue(Key key) {
    pending.insert(std::move(key));
    wakeup.Notify();
  }

  void Note(const WatchedKind& source, const WatchEvent& event) {
    if (event.type == resource::EventType::kBookmark) return;
    if (std::optional<Key> key = source.to_key(event)) Enqueue(*std::move(key));
  }

  // From now on: the watch begins before the list, so that nothing falls between the two.
  Task<Result<void>> ListAndWatch(const WatchedKind& source) {
    CO_TRY(watch, store.StartWatch(source.kind, "", {}, 0));
    if (options.listing) options.listing();
    resource::ListOptions page_options{.label = "", .limit = kListPage, .continue_token = ""};
    do {
      CO_TRY(page, co_await store.List(source.kind, "", page_options));
      for (resource::Resource& item : page.items) {
        Note(source, {resource::EventType::kAdded, page.version, std::move(item)});
      }
      page_options.continue_token = page.continue_token;
    } while (!page_options.continue_token.empty());
    while (true) {
      CO_TRY(events, co_await watch->Next());
      for (const WatchEvent& event : events) Note(source, event);
    }
  }

  static Task<void> WatchLoop(std::shared_ptr<State> self, WatchedKind source) {
    do {
      const Result<void> ended = co_await self->ListAndWatch(source);
      if (ended.error().code() == Code::kCancelled) co_return;
      if (ended.error().reason() != "EXPIRED") {
        LogWarning(
            "a watch ended, listing again",
            {{"controller", self->options.name}, {"kind", source.kind}, {"error", ended.error()}});
      }
    } while (co_await SleepFor(kWatchPause));
  }

  std::chrono::milliseconds NextPause(const Key& key) {
    auto [entry, first] = pauses.try_emplace(key, kFirstPause);
    if (!first) entry->second = std::min(entry->second * 2, kLongestPause);
    return entry->second;
  }

  static Task<void> Later(std::shared_ptr<State> self, Key key, std::chrono::milliseconds pause) {
    if (co_await SleepFor(pause)) self->Enqueue(std::move(key));
  }

  Task<void> ReconcileOne(Key key) {
    const Result<void> done = co_await options.reconcile(key);
    if (done.has_value()) {
      pauses.erase(key);
      co_return;
    }
    if (done.error().code() == Code::kCancelled) co_return;
    const std::chrono::milliseconds pause = NextPause(key);
    LogWarning("failed to reconcile, trying again", {{"controller", options.name},
                                                     {"kind", key.kind},
                                                     {"project", key.project},
                                                     {"name", key.name},
                                                     {"pause_ms", pause.count()},
                                                     {"error", done.error()}});
    tasks.Start([self = shared_from_this(), key = std::move(key), pause] {
      return Later(self, key, pause);
    });
  }

  static Task<void> Work(std::shared_ptr<State> self) {
    while (!self->stopping) {
      if (self->pending.empty()) {
        if (!co_await self->wakeup.Wait()) co_return;
        continue;
      }
      Key key = *self->pending.begin();
      self->pending.erase(self->pending.begin());
      co_await self->ReconcileOne(std::move(key));
    }
  }

  resource::ResourceStore& store;
  ReconcilerOptions options;
  std::vector<WatchedKind> watched;
  std::set<Key> pending;
  std::map<Key, std::chrono::milliseconds> pauses;  // of keys whose last try failed
  bool stopping = false;
  Wakeup wakeup;
  TaskGroup tasks;
};

Reconciler::Reconciler(asio::any_io_executor executor, resource::ResourceStore& store,
                       ReconcilerOptions options)
    : state_(std::make_shared<State>(std::move(executor), store, std::move(options))) {}

Reconciler::~Reconciler() = default;

void Reconciler::Watch(std::string kind, ToKey to_key) {
  state_->watched.push_back({std::move(kind), std::move(to_key)});
}

void Reconciler::Enqueue(Key key) {
  state_->Enqueue(std::move(key));
}

void Reconciler::Start() {
  for (const WatchedKind& source : state_->watched) {
    state_->tasks.Start([state = state_, source] { return State::WatchLoop(state, source); });
  }
  state_->tasks.Start([state = state_] { return State::Work(state); });
}

Task<void> Reconciler::Stop() {
  state_->stopping = true;
  co_await state_->tasks.Stop();
}

}  // namespace slipway::controller
