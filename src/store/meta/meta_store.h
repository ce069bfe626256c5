// MetaStore: an ordered key-value store with transactions, one writer and a change log.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/call_context.h"
#include "async/task.h"
#include "base/clock.h"
#include "base/result.h"
#include "store/limits.h"
#include "store/meta/key_stamps.h"

namespace slipway::store {

struct KeyValue {
  std::string key;
  std::string value;
};

struct KeySize {
  std::string key;
  uint64_t value_bytes = 0;
};

// A consistent view. Keys are bytes, ordered by bytes; 1 to kMaxKeyBytes (store/limits.h).
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual Result<std::optional<std::string>> Get(std::string_view key) const = 0;
  // Keys in [begin, end), at most `limit`. An empty `end` means: to the last key.
  virtual Result<std::vector<KeyValue>> Scan(std::string_view begin, std::string_view end,
                                             size_t limit) const = 0;
  // The same without the values, however large they are.
  virtual Result<std::vector<KeySize>> ScanSizes(std::string_view begin, std::string_view end,
                                                 size_t limit) const = 0;
  // The last committed version.
  virtual Result<uint64_t> Version() const = 0;
};

// What a mutation sees: the state with the writes of this and all earlier mutations.
class Transaction : public Snapshot {
 public:
  // INVALID_ARGUMENT / KEY_INVALID or VALUE_TOO_LARGE beyond the limits.
  virtual Result<void> Put(std::string_view key, std::string_view value) = 0;
  // A key that is not there is no error.
  virtual Result<void> Delete(std::string_view key) = 0;
  // Takes the next number of the store's one version counter.
  virtual Result<uint64_t> NextVersion() = 0;
  // An entry of the change log: what watchers get. The version is one of NextVersion's, higher than
  // that of every entry before.
  virtual Result<void> LogChange(uint64_t version, std::string_view key, std::string_view value,
                                 bool deleted) = 0;
  // Tells that the mutation deletes what somebody wants gone, or goes on with it. On a full disk
  // such a mutation may take what is kept for deletions, also where it writes more entries than it
  // removes. To be called before it writes.
  virtual void MarkDeletion() {}
};

struct Change {
  uint64_t version = 0;
  std::string key;
  std::string value;  // of a deletion: the last value
  bool deleted = false;
  std::string actor;  // CallContext.identity.subject
  std::string request_id;
  int64_t time_ms = 0;
};

struct ChangePage {
  std::vector<Change> changes;
  uint64_t last_version = 0;  // everything up to here was considered
};

// Thread-safe.
class MetaStore {
 public:
  virtual ~MetaStore() = default;

  // Runs `mutation` on the one writer, in a savepoint of its own; committed with those that wait
  // (one fsync), then the task ends: acknowledged means durable. If the mutation returns an error,
  // its writes are undone and the error is the answer. It runs at most once, must be quick and must
  // neither block nor use the store. DEADLINE_EXCEEDED / DEADLINE if it waited too long to begin,
  // RESOURCE_EXHAUSTED / STORE_BUSY if too many wait, RESOURCE_EXHAUSTED / DISK_FULL with nothing
  // changed. Not cancelled once it is called.
  virtual Task<Result<void>> Mutate(CallContext context,
                                    std::function<Result<void>(Transaction&)> mutation) = 0;
  // Runs `read` on a consistent snapshot, off the caller's core.
  virtual Task<Result<void>> Read(std::function<Result<void>(const Snapshot&)> read) = 0;
  // The same two, blocking, for start-up, tests and blocking threads. Not from within a callback of
  // this store.
  virtual Result<void> MutateNow(const CallContext& context,
                                 const std::function<Result<void>(Transaction&)>& mutation) = 0;
  virtual Result<void> ReadNow(const std::function<Result<void>(const Snapshot&)>& read) = 0;

  // Changes after `version` whose key begins with `prefix`, oldest first, at most `limit`.
  // OUT_OF_RANGE / EXPIRED if the log no longer reaches back that far, or `after` is not yet given.
  virtual Result<ChangePage> Changes(uint64_t after, std::string_view prefix,
                                     size_t limit) const = 0;
  // The same, off the caller's core.
  virtual Task<Result<ChangePage>> ReadChanges(uint64_t after, std::string prefix,
                                               size_t limit) = 0;
  // Called on the writer's thread after each commit with the new version; must be quick and must
  // neither use the store nor end a subscription. The returned object ends the subscription when
  // destroyed: no call runs afterwards. It may outlive the store.
  virtual std::shared_ptr<void> Subscribe(std::function<void(uint64_t version)> on_commit) = 0;
  // A key's stamp changes after each commit that wrote it and before that mutation is answered. Who
  // takes the stamps of the keys first and then reads them, may use what he read as long as the
  // stamps hold: he is never behind an acknowledged change.
  virtual const KeyStamps& stamps() const = 0;
  // Random, made with the database: versions of another epoch mean nothing here.
  virtual const std::string& epoch() const = 0;
};

struct ChangeLogLimits {
  uint64_t min_changes = 100'000;
  int64_t min_age_ms = 3'600'000;  // kept: the larger of both
};

struct SqliteOptions {
  std::string path;
  size_t readers = 2;
  ChangeLogLimits log;
  std::string vfs;      // name of a registered SQLite VFS; empty: the default
  std::string program;  // "slipway 0.1.0": written into a database that is made or migrated
  int checkpoint_pages = kCheckpointPages;  // in store/limits.h
  Clock* clock = nullptr;                   // for time_ms and the log's age; nullptr: SystemClock()
};

// FAILED_PRECONDITION / FORMAT_NEWER if the database was written by a newer program. Older formats
// are migrated forward in one transaction.
Result<std::unique_ptr<MetaStore>> MakeSqliteMetaStore(SqliteOptions options);
// `clock` as above.
std::unique_ptr<MetaStore> MakeMemoryMetaStore(ChangeLogLimits log = {}, Clock* clock = nullptr);

// The smallest key greater than every key with this prefix.
std::string PrefixEnd(std::string_view prefix);

}  // namespace slipway::store
