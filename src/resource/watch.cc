// Watches: the change log, read from a version on and waited for at its end.
#include "async/completion.h"
#include "async/guarded.h"
#include "base/check.h"
#include "resource/limits.h"
#include "resource/resource_state.h"
#include "resource/selector.h"

namespace slipway::resource {
namespace {

// Wakes one waiting coroutine when a commit went beyond what it has seen. The store's writer, the
// waiter's executor and the watch's owner share it.
class CommitSignal {
 public:
  void Committed(uint64_t version) {
    Wake(state_.With([&](State& state) {
      state.version = std::max(state.version, version);
      return std::exchange(state.waiter, nullptr);
    }));
  }

  // Calls `done` at once if there is more than `seen`.
  void Wait(uint64_t seen, std::function<void()> done) {
    Wake(state_.With([&](State& state) {
      state.cancelled = false;
      if (state.version > seen) return std::exchange(done, nullptr);
      state.waiter = std::move(done);
      return std::function<void()>();
    }));
  }

  // Ends the wait of this moment; the next one is another.
  void Cancel() {
    Wake(state_.With([](State& state) {
      state.cancelled = true;
      return std::exchange(state.waiter, nullptr);
    }));
  }

  bool cancelled() const {
    return state_.With([](const State& state) { return state.cancelled; });
  }

 private:
  struct State {
    uint64_t version = 0;
    bool cancelled = false;
    std::function<void()> waiter;
  };

  // Outside of the lock: the waiter may come back at once.
  static void Wake(const std::function<void()>& waiter) {
    if (waiter) waiter();
  }

  Guarded<State> state_;
};

class LogWatch final : public ResourceStore::Watch {
 public:
  LogWatch(store::MetaStore& meta, std::string prefix, Selector selector, uint64_t after,
           std::span<const StatusPart> parts, std::shared_ptr<void> counted)
      : meta_(meta),
        prefix_(std::move(prefix)),
        selector_(std::move(selector)),
        after_(after),
        told_(after),
        parts_(parts),
        counted_(std::move(counted)),
        signal_(std::make_shared<CommitSignal>()) {
    subscription_ =
        meta_.Subscribe([signal = signal_](uint64_t version) { signal->Committed(version); });
  }

  Task<Result<std::vector<WatchEvent>>> Next() override {
    while (true) {
      CO_TRY(page, co_await meta_.ReadChanges(after_, prefix_, kMaxWatchBatch));
      after_ = page.last_version;
      CO_TRY(events, EventsOf(page));
      CO_TRY_VOID(co_await AddParts(events));
      if (events.empty() && after_ - told_ >= kVersionsPerBookmark) {
        events.push_back({.type = EventType::kBookmark, .version = after_, .resource = {}});
      }
      if (!events.empty()) {
        told_ = after_;
        co_return events;
      }
      co_await AwaitDone(
          [this](std::function<void()> done) { signal_->Wait(after_, std::move(done)); },
          [signal = signal_] { signal->Cancel(); });
      if (signal_->cancelled()) {
        co_return Error(Code::kCancelled, "WATCH_CANCELLED", "the watch was ended");
      }
    }
  }

 private:
  Result<std::vector<WatchEvent>> EventsOf(const store::ChangePage& page) const {
    std::vector<WatchEvent> events;
    for (const store::Change& change : page.changes) {
      TRY(record, DecodeChange(change.value));
      std::optional<EventType> type = Seen(record);
      if (!type) continue;
      events.push_back({*type, change.version, std::move(record.resource)});
    }
    return events;
  }

  Task<Result<void>> AddParts(std::vector<WatchEvent>& events) {
    if (parts_.empty() || events.empty()) co_return Result<void>();
    co_return co_await meta_.Read([&](const store::Snapshot& snapshot) -> Result<void> {
      for (WatchEvent& event : events) {
        if (event.type == EventType::kDeleted) continue;
        TRY_VOID(ReadStatusParts(parts_, snapshot, event.resource));
      }
      return {};
    });
  }

  // What a change is for those who see only the selection.
  std::optional<EventType> Seen(const ChangeRecord& record) const {
    if (selector_.empty()) return record.type;
    bool was = record.type != EventType::kAdded && selector_.Matches(record.old_labels);
    bool is =
        record.type != EventType::kDeleted && selector_.Matches(record.resource.metadata.labels);
    if (was && is) return EventType::kModified;
    if (was) return EventType::kDeleted;
    if (is) return EventType::kAdded;
    return {};
  }

  store::MetaStore& meta_;
  const std::string prefix_;
  const Selector selector_;
  uint64_t after_;  // all up to here was looked at
  uint64_t told_;   // the reader knows that
  const std::span<const StatusPart> parts_;
  const std::shared_ptr<void> counted_;
  const std::shared_ptr<CommitSignal> signal_;
  std::shared_ptr<void> subscription_;
};

Error Expired() {
  return Error(Code::kOutOfRange, "EXPIRED",
               "these changes are no longer kept, or are another database's: list again, then "
               "watch from the version of that list");
}

}  // namespace

Result<std::unique_ptr<ResourceStore::Watch>> ResourceStore::StartWatch(std::string kind_name,
                                                                        std::string project,
                                                                        ListOptions filter,
                                                                        uint64_t after,
                                                                        std::string_view epoch) {
  TRY(kind, RequireKind(kind_name));
  TRY(selector, Selector::Parse(filter.label));
  if (!filter.where.empty()) {
    return InvalidArgument("WHERE_WATCHED",
                           "where: a watch takes a label selector only; list "
                           "again to search again")
        .With("field", "where");
  }
  if (!epoch.empty() && epoch != meta_.epoch()) return Expired();
  std::optional<std::string_view> in;
  if (kind->global || !project.empty()) in = project;
  std::string prefix = RowPrefix(kind->kind, in);
  if (after == 0) {
    TRY_VOID(meta_.ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
      TRY(version, snapshot.Version());
      after = version;
      return {};
    }));
  } else if (Result<store::ChangePage> page = meta_.Changes(after, prefix, 1); !page.has_value()) {
    return page.error().reason() == "EXPIRED" ? Expired() : page.error();
  }
  if (state_->watches.fetch_add(1) >= kMaxWatches) {
    --state_->watches;
    return ResourceExhausted("WATCHES_FULL", "there are " + std::to_string(kMaxWatches) +
                                                 " watches already: close some");
  }
  std::shared_ptr<void> counted(nullptr, [state = state_.get()](void*) { --state->watches; });
  return std::unique_ptr<Watch>(
      std::make_unique<LogWatch>(meta_, std::move(prefix), std::move(selector), after,
                                 StatusPartsOf(kind->kind), std::move(counted)));
}

}  // namespace slipway::resource
