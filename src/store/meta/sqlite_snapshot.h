// Snapshot and Transaction over one SqliteConnection.
#pragma once

#include <memory>

#include "store/meta/meta_store.h"
#include "store/meta/sqlite_connection.h"

namespace slipway::store {

// The statements that read. Used by the thread that uses the connection.
class SqliteReader final : public Snapshot {
 public:
  static Result<std::unique_ptr<SqliteReader>> Make(SqliteConnection& connection);

  Result<std::optional<std::string>> Get(std::string_view key) const override;
  Result<std::vector<KeyValue>> Scan(std::string_view begin, std::string_view end,
                                     size_t limit) const override;
  Result<std::vector<KeySize>> ScanSizes(std::string_view begin, std::string_view end,
                                         size_t limit) const override;
  Result<uint64_t> Version() const override;
  Result<ChangePage> Changes(uint64_t after, std::string_view prefix, size_t limit) const;

 private:
  SqliteReader() = default;

  SqliteStatement get_;
  SqliteStatement scan_;
  SqliteStatement scan_to_last_;
  SqliteStatement scan_sizes_;
  SqliteStatement counters_;
  SqliteStatement changes_;
};

// The writer's transaction: a batch of mutations, each in a savepoint. Its counters are written
// back once, by Finish.
class SqliteTransaction final : public Transaction {
 public:
  static Result<std::unique_ptr<SqliteTransaction>> Make(SqliteConnection& connection,
                                                         ChangeLogLimits limits, Clock& clock);

  // Begins the batch. After an error nothing is open.
  Result<void> Begin();
  // Runs one mutation. After an error its writes are undone; if SQLite had to undo the whole batch,
  // the connection is in no transaction any more.
  Result<void> Apply(const CallContext& context,
                     const std::function<Result<void>(Transaction&)>& mutation);
  // Trims the log, commits, and stamps the keys that were written. After an error nothing of the
  // batch is there.
  Result<void> Commit();
  const KeyStamps& stamps() const { return stamps_; }
  uint64_t last_version() const { return counters_.version; }
  // Whether the mutation that was applied last is a deletion: it said so, or removed more entries
  // than it wrote; failed or not.
  bool LastFreedRoom() const { return is_deletion_ || removed_ > written_; }
  bool LastWrote() const { return removed_ + written_ > 0; }

  Result<std::optional<std::string>> Get(std::string_view key) const override {
    return reader_->Get(key);
  }
  Result<std::vector<KeyValue>> Scan(std::string_view begin, std::string_view end,
                                     size_t limit) const override {
    return reader_->Scan(begin, end, limit);
  }
  Result<std::vector<KeySize>> ScanSizes(std::string_view begin, std::string_view end,
                                         size_t limit) const override {
    return reader_->ScanSizes(begin, end, limit);
  }
  Result<uint64_t> Version() const override { return counters_.version; }
  Result<void> Put(std::string_view key, std::string_view value) override;
  Result<void> Delete(std::string_view key) override;
  Result<uint64_t> NextVersion() override { return ++counters_.version; }
  Result<void> LogChange(uint64_t version, std::string_view key, std::string_view value,
                         bool deleted) override;
  void MarkDeletion() override { is_deletion_ = true; }

 private:
  struct Counters {
    uint64_t version = 0;      // the last one given
    uint64_t log_floor = 0;    // the log holds every change above it
    int64_t log_count = 0;     // entries in the log
    uint64_t last_logged = 0;  // of the newest entry; not stored
    bool operator==(const Counters&) const = default;
  };

  SqliteTransaction(SqliteConnection& connection, ChangeLogLimits limits, Clock& clock)
      : connection_(connection), limits_(limits), clock_(clock) {}
  Result<void> PrepareStatements();
  Result<void> ReadCounters();
  Result<void> TrimLog();
  Result<void> Finish();

  SqliteConnection& connection_;
  const ChangeLogLimits limits_;
  Clock& clock_;
  std::unique_ptr<SqliteReader> reader_;
  SqliteStatement put_;
  SqliteStatement delete_;
  SqliteStatement log_;
  SqliteStatement oldest_;
  SqliteStatement trim_;
  SqliteStatement store_counters_;

  const CallContext* context_ = nullptr;  // of the mutation that runs
  int64_t removed_ = 0;                   // entries, by that mutation
  int64_t written_ = 0;
  bool is_deletion_ = false;  // said so
  Counters counters_;
  Counters stored_;                      // as of the last commit
  std::vector<uint32_t> written_slots_;  // of the batch
  KeyStamps stamps_;
};

}  // namespace slipway::store
