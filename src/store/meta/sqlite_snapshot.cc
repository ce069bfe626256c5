#include "store/meta/sqlite_snapshot.h"

#include <algorithm>
#include <limits>

#include "base/crash_point.h"
#include "store/limits.h"
#include "store/meta/checks.h"

namespace slipway::store {
namespace {

int64_t ToSql(size_t limit) {
  return static_cast<int64_t>(
      std::min<size_t>(limit, static_cast<size_t>(std::numeric_limits<int64_t>::max())));
}

}  // namespace

Result<std::unique_ptr<SqliteReader>> SqliteReader::Make(SqliteConnection& connection) {
  std::unique_ptr<SqliteReader> reader(new SqliteReader());
  TRY(get, connection.Prepare("SELECT value FROM entries WHERE key = ?"));
  TRY(scan, connection.Prepare("SELECT key, value FROM entries WHERE key >= ? AND key < ?"
                               " ORDER BY key LIMIT ?"));
  TRY(scan_to_last, connection.Prepare("SELECT key, value FROM entries WHERE key >= ?"
                                       " ORDER BY key LIMIT ?"));
  // The length is told without the value's pages. A bound that SQLite can use: where nothing is in
  // the range, it must not look at all that comes after.
  TRY(scan_sizes, connection.Prepare("SELECT key, length(value) FROM entries WHERE key >= ?"
                                     " AND key < ? ORDER BY key LIMIT ?"));
  TRY(counters, connection.Prepare("SELECT version, log_floor FROM counters"));
  // An empty end means: to the last key.
  TRY(changes, connection.Prepare(
                   "SELECT version, key, value, deleted, actor, request_id, time_ms FROM changes"
                   " WHERE version > ?1 AND key >= ?2 AND (?3 = x'' OR key < ?3)"
                   " ORDER BY version LIMIT ?4"));
  reader->get_ = std::move(get);
  reader->scan_ = std::move(scan);
  reader->scan_to_last_ = std::move(scan_to_last);
  reader->scan_sizes_ = std::move(scan_sizes);
  reader->counters_ = std::move(counters);
  reader->changes_ = std::move(changes);
  return reader;
}

Result<std::optional<std::string>> SqliteReader::Get(std::string_view key) const {
  SqliteQuery query(get_.get());
  query.Bind(key);
  TRY(row, query.Step());
  if (!row) return std::optional<std::string>();
  return std::optional<std::string>(query.Bytes(0));
}

Result<std::vector<KeyValue>> SqliteReader::Scan(std::string_view begin, std::string_view end,
                                                 size_t limit) const {
  std::vector<KeyValue> found;
  SqliteQuery query(end.empty() ? scan_to_last_.get() : scan_.get());
  query.Bind(begin);
  if (!end.empty()) query.Bind(end);
  query.Bind(ToSql(limit));
  while (true) {
    TRY(row, query.Step());
    if (!row) return found;
    found.push_back({std::string(query.Bytes(0)), std::string(query.Bytes(1))});
  }
}

Result<std::vector<KeySize>> SqliteReader::ScanSizes(std::string_view begin, std::string_view end,
                                                     size_t limit) const {
  std::vector<KeySize> found;
  SqliteQuery query(scan_sizes_.get());
  static const std::string kAfterAllKeys(kMaxKeyBytes + 1, '\xff');
  query.Bind(begin).Bind(end.empty() ? std::string_view(kAfterAllKeys) : end).Bind(ToSql(limit));
  while (true) {
    TRY(row, query.Step());
    if (!row) return found;
    found.push_back({std::string(query.Bytes(0)), static_cast<uint64_t>(query.Number(1))});
  }
}

Result<uint64_t> SqliteReader::Version() const {
  SqliteQuery query(counters_.get());
  TRY_VOID(query.Step());
  return static_cast<uint64_t>(query.Number(0));
}

Result<ChangePage> SqliteReader::Changes(uint64_t after, std::string_view prefix,
                                         size_t limit) const {
  ChangePage page;
  {
    SqliteQuery counters(counters_.get());
    TRY_VOID(counters.Step());
    page.last_version = static_cast<uint64_t>(counters.Number(0));
    TRY_VOID(CheckLogReaches(after, static_cast<uint64_t>(counters.Number(1)), page.last_version));
  }
  const std::string end = PrefixEnd(prefix);
  SqliteQuery query(changes_.get());
  query.Bind(static_cast<int64_t>(after)).Bind(prefix).Bind(end).Bind(ToSql(limit));
  while (true) {
    TRY(row, query.Step());
    if (!row) break;
    page.changes.push_back({.version = static_cast<uint64_t>(query.Number(0)),
                            .key = std::string(query.Bytes(1)),
                            .value = std::string(query.Bytes(2)),
                            .deleted = query.Number(3) != 0,
                            .actor = std::string(query.Bytes(4)),
                            .request_id = std::string(query.Bytes(5)),
                            .time_ms = query.Number(6)});
  }
  if (page.changes.size() >= limit) {
    page.last_version = page.changes.empty() ? after : page.changes.back().version;
  }
  return page;
}

Result<std::unique_ptr<SqliteTransaction>> SqliteTransaction::Make(SqliteConnection& connection,
                                                                   ChangeLogLimits limits,
                                                                   Clock& clock) {
  std::unique_ptr<SqliteTransaction> transaction(new SqliteTransaction(connection, limits, clock));
  TRY(reader, SqliteReader::Make(connection));
  transaction->reader_ = std::move(reader);
  TRY_VOID(transaction->PrepareStatements());
  TRY_VOID(transaction->ReadCounters());
  return transaction;
}

Result<void> SqliteTransaction::PrepareStatements() {
  TRY(put, connection_.Prepare("INSERT INTO entries VALUES (?1, ?2)"
                               " ON CONFLICT (key) DO UPDATE SET value = ?2"));
  TRY(remove, connection_.Prepare("DELETE FROM entries WHERE key = ?"));
  TRY(log, connection_.Prepare("INSERT INTO changes (version, key, value, deleted, time_ms, actor,"
                               " request_id) VALUES (?, ?, ?, ?, ?, ?, ?)"));
  TRY(oldest, connection_.Prepare("SELECT version, time_ms FROM changes ORDER BY version LIMIT ?"));
  TRY(trim, connection_.Prepare("DELETE FROM changes WHERE version <= ?"));
  TRY(counters, connection_.Prepare("UPDATE counters SET version = ?, log_floor = ?,"
                                    " log_count = ?"));
  put_ = std::move(put);
  delete_ = std::move(remove);
  log_ = std::move(log);
  oldest_ = std::move(oldest);
  trim_ = std::move(trim);
  store_counters_ = std::move(counters);
  return {};
}

Result<void> SqliteTransaction::ReadCounters() {
  TRY(statement, connection_.Prepare("SELECT version, log_floor, log_count,"
                                     " (SELECT coalesce(max(version), 0) FROM changes)"
                                     " FROM counters"));
  SqliteQuery query(statement.get());
  TRY(row, query.Step());
  if (!row) return DataLoss("DATABASE_CORRUPT", "the database has lost its counters");
  stored_ = {.version = static_cast<uint64_t>(query.Number(0)),
             .log_floor = static_cast<uint64_t>(query.Number(1)),
             .log_count = query.Number(2),
             .last_logged = static_cast<uint64_t>(query.Number(3))};
  counters_ = stored_;
  return {};
}

Result<void> SqliteTransaction::Begin() {
  counters_ = stored_;
  written_slots_.clear();
  return connection_.Execute("BEGIN IMMEDIATE");
}

Result<void> SqliteTransaction::Apply(const CallContext& context,
                                      const std::function<Result<void>(Transaction&)>& mutation) {
  TRY_VOID(connection_.Execute("SAVEPOINT mutation"));
  const Counters before = counters_;
  removed_ = 0;
  written_ = 0;
  is_deletion_ = false;
  context_ = &context;
  Result<void> done = mutation(*this);
  context_ = nullptr;
  if (done) done = connection_.Execute("RELEASE mutation");
  if (done) return {};

  counters_ = before;
  if (connection_.InTransaction() &&
      !connection_.Execute("ROLLBACK TO mutation; RELEASE mutation")) {
    static_cast<void>(connection_.Execute("ROLLBACK"));
  }
  return done;
}

Result<void> SqliteTransaction::Put(std::string_view key, std::string_view value) {
  TRY_VOID(CheckKeyValue(key, value));
  written_slots_.push_back(KeyStamps::SlotOf(key));
  ++written_;
  return SqliteQuery(put_.get()).Bind(key).Bind(value).Run();
}

Result<void> SqliteTransaction::Delete(std::string_view key) {
  written_slots_.push_back(KeyStamps::SlotOf(key));
  const int64_t before = connection_.TotalChanges();
  TRY_VOID(SqliteQuery(delete_.get()).Bind(key).Run());
  removed_ += connection_.TotalChanges() - before;
  return {};
}

Result<void> SqliteTransaction::LogChange(uint64_t version, std::string_view key,
                                          std::string_view value, bool deleted) {
  TRY_VOID(CheckKeyValue(key, value));
  TRY_VOID(CheckLogVersion(version, counters_.last_logged, counters_.version));
  TRY_VOID(SqliteQuery(log_.get())
               .Bind(static_cast<int64_t>(version))
               .Bind(key)
               .Bind(value)
               .Bind(static_cast<int64_t>(deleted))
               .Bind(clock_.Wall().time_since_epoch().count())
               .BindText(context_->identity.subject)
               .BindText(context_->request_id)
               .Run());
  counters_.last_logged = version;
  ++counters_.log_count;
  return {};
}

// Removes the oldest entries while there are more than min_changes, but none that is younger than
// min_age_ms, nor one after such.
Result<void> SqliteTransaction::TrimLog() {
  const int64_t excess = counters_.log_count - static_cast<int64_t>(limits_.min_changes);
  if (excess <= 0) return {};
  const int64_t before_ms = clock_.Wall().time_since_epoch().count() - limits_.min_age_ms;
  uint64_t floor = 0;
  int64_t count = 0;
  {
    SqliteQuery query(oldest_.get());
    query.Bind(std::min(excess, kMaxTrimmedChanges));
    while (true) {
      TRY(row, query.Step());
      if (!row || query.Number(1) >= before_ms) break;
      floor = static_cast<uint64_t>(query.Number(0));
      ++count;
    }
  }
  if (count == 0) return {};
  TRY_VOID(SqliteQuery(trim_.get()).Bind(static_cast<int64_t>(floor)).Run());
  counters_.log_floor = floor;
  counters_.log_count -= count;
  return {};
}

Result<void> SqliteTransaction::Finish() {
  TRY_VOID(TrimLog());
  if (counters_ != stored_) {
    TRY_VOID(SqliteQuery(store_counters_.get())
                 .Bind(static_cast<int64_t>(counters_.version))
                 .Bind(static_cast<int64_t>(counters_.log_floor))
                 .Bind(counters_.log_count)
                 .Run());
  }
  CRASH_POINT("meta.before_commit");
  TRY_VOID(connection_.Execute("COMMIT"));
  for (const uint32_t slot : written_slots_) stamps_.Count(slot);
  CRASH_POINT("meta.committed");
  return {};
}

Result<void> SqliteTransaction::Commit() {
  Result<void> finished = Finish();
  if (finished) {
    stored_ = counters_;
    return {};
  }
  if (connection_.InTransaction()) static_cast<void>(connection_.Execute("ROLLBACK"));
  counters_ = stored_;
  return finished;
}

}  // namespace slipway::store
