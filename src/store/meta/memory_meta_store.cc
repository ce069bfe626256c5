#include <deque>
#include <map>
#include <mutex>
#include <set>

#include "base/random.h"
#include "store/meta/checks.h"
#include "store/meta/meta_store.h"
#include "store/meta/subscribers.h"

namespace slipway::store {
namespace {

// The values that a key had: by the number of the mutation that wrote it, none if deleted.
using History = std::map<uint64_t, std::optional<std::string>>;

struct State {
  std::map<std::string, History, std::less<>> entries;
  std::deque<Change> log;
  uint64_t version = 0;
  uint64_t log_floor = 0;
  uint64_t last_mutation = 0;
  std::multiset<uint64_t> open_snapshots;  // the last mutation that each sees
};

// The last value at or before this mutation; nullptr if there is none.
const std::string* ValueAt(const History& history, uint64_t mutation) {
  auto found = history.upper_bound(mutation);
  if (found == history.begin()) return nullptr;
  --found;
  return found->second ? &*found->second : nullptr;
}

// Reads at one point of the store's history. Takes the lock for each call, unless it is the
// transaction's, which holds it.
class MemorySnapshot final : public Snapshot {
 public:
  MemorySnapshot(State& state, std::mutex* mutex, uint64_t mutation, uint64_t version)
      : state_(state), mutex_(mutex), mutation_(mutation), version_(version) {}

  Result<std::optional<std::string>> Get(std::string_view key) const override {
    const auto lock = Lock();
    const auto found = state_.entries.find(key);
    const std::string* value =
        found == state_.entries.end() ? nullptr : ValueAt(found->second, mutation_);
    return value == nullptr ? std::optional<std::string>() : std::optional<std::string>(*value);
  }

  Result<std::vector<KeyValue>> Scan(std::string_view begin, std::string_view end,
                                     size_t limit) const override {
    const auto lock = Lock();
    std::vector<KeyValue> found;
    for (auto entry = state_.entries.lower_bound(begin); entry != state_.entries.end(); ++entry) {
      if (found.size() >= limit || (!end.empty() && entry->first >= end)) break;
      const std::string* value = ValueAt(entry->second, mutation_);
      if (value != nullptr) found.push_back({entry->first, *value});
    }
    return found;
  }

  Result<std::vector<KeySize>> ScanSizes(std::string_view begin, std::string_view end,
                                         size_t limit) const override {
    TRY(entries, Scan(begin, end, limit));
    std::vector<KeySize> found;
    for (KeyValue& entry : entries) found.push_back({std::move(entry.key), entry.value.size()});
    return found;
  }

  Result<uint64_t> Version() const override { return version_; }

 private:
  std::unique_lock<std::mutex> Lock() const {
    return mutex_ == nullptr ? std::unique_lock<std::mutex>() : std::unique_lock(*mutex_);
  }

  State& state_;
  std::mutex* const mutex_;
  const uint64_t mutation_;
  const uint64_t version_;
};

// Used under the store's lock. Its writes are visible to snapshots only from their own mutation's
// number on, which no snapshot has before it is published.
class MemoryTransaction final : public Transaction {
 public:
  MemoryTransaction(State& state, const CallContext& context, int64_t now_ms)
      : state_(state),
        context_(context),
        now_ms_(now_ms),
        mutation_(state.last_mutation + 1),
        version_(state.version),
        last_logged_(state.log.empty() ? state.log_floor : state.log.back().version),
        now_(state, nullptr, mutation_, 0) {}

  Result<std::optional<std::string>> Get(std::string_view key) const override {
    return now_.Get(key);
  }
  Result<std::vector<KeyValue>> Scan(std::string_view begin, std::string_view end,
                                     size_t limit) const override {
    return now_.Scan(begin, end, limit);
  }
  Result<std::vector<KeySize>> ScanSizes(std::string_view begin, std::string_view end,
                                         size_t limit) const override {
    return now_.ScanSizes(begin, end, limit);
  }
  Result<uint64_t> Version() const override { return version_; }

  Result<void> Put(std::string_view key, std::string_view value) override {
    TRY_VOID(CheckKeyValue(key, value));
    Write(key, std::string(value));
    return {};
  }
  Result<void> Delete(std::string_view key) override {
    if (state_.entries.contains(key)) Write(key, std::nullopt);
    return {};
  }
  Result<uint64_t> NextVersion() override { return ++version_; }
  Result<void> LogChange(uint64_t version, std::string_view key, std::string_view value,
                         bool deleted) override {
    TRY_VOID(CheckKeyValue(key, value));
    TRY_VOID(CheckLogVersion(version, last_logged_, version_));
    last_logged_ = version;
    changes_.push_back({.version = version,
                        .key = std::string(key),
                        .value = std::string(value),
                        .deleted = deleted,
                        .actor = context_.identity.subject,
                        .request_id = context_.request_id,
                        .time_ms = now_ms_});
    return {};
  }

  const std::set<std::string>& written() const { return written_; }
  void Publish() {
    state_.last_mutation = mutation_;
    state_.version = version_;
    for (Change& change : changes_) state_.log.push_back(std::move(change));
    const uint64_t oldest_seen =
        state_.open_snapshots.empty() ? mutation_ : *state_.open_snapshots.begin();
    for (const std::string& key : written_) Forget(key, oldest_seen);
  }
  void Undo() {
    for (const std::string& key : written_) {
      const auto found = state_.entries.find(key);
      found->second.erase(mutation_);
      if (found->second.empty()) state_.entries.erase(found);
    }
  }

 private:
  void Write(std::string_view key, std::optional<std::string> value) {
    auto found = state_.entries.find(key);
    if (found == state_.entries.end()) found = state_.entries.emplace(key, History()).first;
    found->second[mutation_] = std::move(value);
    written_.insert(std::string(key));
  }
  // Drops values that no snapshot sees.
  void Forget(const std::string& key, uint64_t oldest_seen) {
    const auto found = state_.entries.find(key);
    History& history = found->second;
    auto keep = history.upper_bound(oldest_seen);
    if (keep != history.begin()) --keep;
    history.erase(history.begin(), keep);
    if (history.size() == 1 && !history.begin()->second) state_.entries.erase(found);
  }

  State& state_;
  const CallContext& context_;
  const int64_t now_ms_;
  const uint64_t mutation_;
  uint64_t version_;
  uint64_t last_logged_;
  const MemorySnapshot now_;
  std::set<std::string> written_;
  std::vector<Change> changes_;
};

class MemoryMetaStore final : public MetaStore {
 public:
  MemoryMetaStore(ChangeLogLimits limits, Clock& clock)
      : limits_(limits), clock_(clock), epoch_(RandomHexId(SystemRandom())) {}

  Task<Result<void>> Mutate(CallContext context,
                            std::function<Result<void>(Transaction&)> mutation) override {
    co_return MutateNow(context, mutation);
  }
  Task<Result<void>> Read(std::function<Result<void>(const Snapshot&)> read) override {
    co_return ReadNow(read);
  }

  Result<void> MutateNow(const CallContext& context,
                         const std::function<Result<void>(Transaction&)>& mutation) override {
    if (context.deadline < std::chrono::steady_clock::now()) {
      return Error(Code::kDeadlineExceeded, "DEADLINE",
                   "the change waited too long and was not made");
    }
    const std::lock_guard one_writer(writer_mutex_);
    if (const Result<uint64_t> version = Apply(context, mutation); !version) {
      return version.error();
    } else if (*version != notified_version_) {
      notified_version_ = *version;
      subscribers_->Notify(*version);
    }
    return {};
  }

  Result<void> ReadNow(const std::function<Result<void>(const Snapshot&)>& read) override {
    std::unique_lock lock(mutex_);
    const auto open = state_.open_snapshots.insert(state_.last_mutation);
    const MemorySnapshot snapshot(state_, &mutex_, state_.last_mutation, state_.version);
    lock.unlock();
    const Result<void> done = read(snapshot);
    lock.lock();
    state_.open_snapshots.erase(open);
    return done;
  }

  Result<ChangePage> Changes(uint64_t after, std::string_view prefix, size_t limit) const override {
    std::lock_guard lock(mutex_);
    TRY_VOID(CheckLogReaches(after, state_.log_floor, state_.version));
    ChangePage page;
    page.last_version = after;
    for (const Change& change : state_.log) {
      if (page.changes.size() >= limit) return page;
      if (change.version <= after || !change.key.starts_with(prefix)) continue;
      page.changes.push_back(change);
      page.last_version = change.version;
    }
    if (page.changes.size() < limit) page.last_version = state_.version;
    return page;
  }

  Task<Result<ChangePage>> ReadChanges(uint64_t after, std::string prefix, size_t limit) override {
    co_return Changes(after, prefix, limit);
  }

  std::shared_ptr<void> Subscribe(std::function<void(uint64_t version)> on_commit) override {
    return subscribers_->Add(std::move(on_commit));
  }

  const KeyStamps& stamps() const override { return stamps_; }

  const std::string& epoch() const override { return epoch_; }

 private:
  // The store's version afterwards.
  Result<uint64_t> Apply(const CallContext& context,
                         const std::function<Result<void>(Transaction&)>& mutation) {
    const std::lock_guard lock(mutex_);
    MemoryTransaction transaction(state_, context, clock_.Wall().time_since_epoch().count());
    const Result<void> done = mutation(transaction);
    if (!done) {
      transaction.Undo();
      return done.error();
    }
    transaction.Publish();
    for (const std::string& key : transaction.written()) stamps_.Count(KeyStamps::SlotOf(key));
    TrimLog();
    return state_.version;
  }

  void TrimLog() {
    const int64_t before_ms = clock_.Wall().time_since_epoch().count() - limits_.min_age_ms;
    while (state_.log.size() > limits_.min_changes && state_.log.front().time_ms < before_ms) {
      state_.log_floor = state_.log.front().version;
      state_.log.pop_front();
    }
  }

  const ChangeLogLimits limits_;
  Clock& clock_;
  const std::string epoch_;
  KeyStamps stamps_;
  const std::shared_ptr<CommitSubscribers> subscribers_ = std::make_shared<CommitSubscribers>();
  std::mutex writer_mutex_;        // held by the mutation that runs, also while it notifies
  uint64_t notified_version_ = 0;  // under writer_mutex_
  mutable std::mutex mutex_;
  State state_;  // under mutex_
};

}  // namespace

std::unique_ptr<MetaStore> MakeMemoryMetaStore(ChangeLogLimits log, Clock* clock) {
  return std::make_unique<MemoryMetaStore>(log, clock == nullptr ? SystemClock() : *clock);
}

}  // namespace slipway::store
