#include "store/meta/sqlite_connection.h"

#include <sqlite3.h>

#include <cerrno>

#include "base/check.h"

namespace slipway::store {
namespace {

constexpr int kBusyTimeoutMs = 5000;

bool IsNoRoom(int error_number) {
  return error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG;
}

// Why a write found no room: ENOSPC, EDQUOT or EFBIG; 0 if that was not the reason. SQLite tells
// only the first apart, and only of log and database. The others are asked of these two files,
// because errno may have been used for something else by the time that the connection keeps it;
// what the connection keeps tells of the index of the log.
int WhyNoRoom(sqlite3* database, int code) {
  if ((code & 0xFF) == SQLITE_FULL) return ENOSPC;
  if ((code & 0xFF) != SQLITE_IOERR) return 0;
  for (const int which : {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER}) {
    sqlite3_file* file = nullptr;
    int error_number = 0;
    sqlite3_file_control(database, "main", which, static_cast<void*>(&file));
    if (file == nullptr || file->pMethods == nullptr) continue;
    file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error_number);
    if (IsNoRoom(error_number)) return error_number;
  }
  const int kept = sqlite3_system_errno(database);
  if (IsNoRoom(kept)) return kept;
  // The index of the log could not grow; nothing else makes that fail.
  return code == SQLITE_IOERR_SHMSIZE ? ENOSPC : 0;
}

// The error of the last call on this connection.
Error LastError(sqlite3* database) {
  const int code = sqlite3_extended_errcode(database);
  const std::string text = "database: " + std::string(sqlite3_errmsg(database));
  const int error_number = WhyNoRoom(database, code);
  if (error_number == ENOSPC || error_number == EDQUOT) {
    return ResourceExhausted("DISK_FULL",
                             "the database cannot grow: free space on the disk of the data folder, "
                             "then try again")
        .With("sqlite", std::to_string(code));
  }
  if (error_number == EFBIG) {
    return ResourceExhausted("FILE_SIZE_LIMIT",
                             "the database cannot grow: its file is at the limit that the program "
                             "was started with (ulimit -f); raise it")
        .With("sqlite", std::to_string(code));
  }
  switch (code & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return DataLoss("DATABASE_CORRUPT", text + ": restore the data folder from a backup");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Unavailable("DATABASE_BUSY", text + ": another program has it open; close that one");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
      return PermissionDenied("FILE_ACCESS", text);
    default:
      return Internal("DATABASE", text).With("sqlite", std::to_string(code));
  }
}

}  // namespace

SqliteQuery::~SqliteQuery() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

SqliteQuery& SqliteQuery::Bind(std::string_view blob) {
  // A null pointer would bind NULL.
  const char* data = blob.data() == nullptr ? "" : blob.data();
  CHECK(sqlite3_bind_blob64(statement_, ++bound_, data, blob.size(), SQLITE_STATIC) == SQLITE_OK);
  return *this;
}

SqliteQuery& SqliteQuery::BindText(std::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();
  CHECK(sqlite3_bind_text64(statement_, ++bound_, data, text.size(), SQLITE_STATIC, SQLITE_UTF8) ==
        SQLITE_OK);
  return *this;
}

SqliteQuery& SqliteQuery::Bind(int64_t number) {
  CHECK(sqlite3_bind_int64(statement_, ++bound_, number) == SQLITE_OK);
  return *this;
}

Result<bool> SqliteQuery::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return LastError(sqlite3_db_handle(statement_));
}

Result<void> SqliteQuery::Run() {
  TRY(row, Step());
  CHECK_NOTE(!row, sqlite3_sql(statement_));
  return {};
}

int64_t SqliteQuery::Number(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string_view SqliteQuery::Bytes(int column) const {
  // In this order: asking for the bytes converts the value, its size is then known.
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_, column));
  return {data, size};
}

void FinalizeStatement::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(
    const SqliteConnectionOptions& options) {
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection());
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  flags |= options.writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  const int code = sqlite3_open_v2(options.path.c_str(), &connection->database_, flags,
                                   options.vfs.empty() ? nullptr : options.vfs.c_str());
  CHECK(connection->database_ != nullptr);
  if (code != SQLITE_OK) return LastError(connection->database_).Prefixed(options.path + ": ");
  const Result<void> configured = connection->Configure(options);
  if (!configured) return configured.error().Prefixed(options.path + ": ");
  return connection;
}

Result<void> SqliteConnection::Configure(const SqliteConnectionOptions& options) {
  sqlite3_busy_timeout(database_, kBusyTimeoutMs);
  // Mapped pages would count as this process's memory.
  TRY_VOID(
      Execute("PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;"
              "PRAGMA cache_size=-" +
              std::to_string(options.cache_kib)));
  // Reads the file's head: whether it is a database at all.
  TRY_VOID(QueryNumber("PRAGMA schema_version"));
  return {};
}

Result<void> SqliteConnection::UseWriteAheadLog() {
  // Until the log is in use a rollback journal guards the change. EXTRA makes its removal durable:
  // a journal that came back would undo the change, and with it what the log was to hold.
  TRY_VOID(
      Execute("PRAGMA synchronous=EXTRA; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
              "PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=67108864"));
  const auto count_pages = [](void* self, sqlite3*, const char*, int pages) {
    static_cast<SqliteConnection*>(self)->wal_pages_ = pages;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(database_, count_pages, this);
  return {};
}

SqliteConnection::~SqliteConnection() {
  CHECK_NOTE(sqlite3_close(database_) == SQLITE_OK, "statements end before their connection");
}

Result<void> SqliteConnection::Execute(const std::string& sql) {
  if (sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return LastError(database_);
  }
  return {};
}

Result<SqliteStatement> SqliteConnection::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return LastError(database_);
  return SqliteStatement(statement);
}

Result<int64_t> SqliteConnection::QueryNumber(std::string_view sql) {
  TRY(statement, Prepare(sql));
  SqliteQuery query(statement.get());
  TRY(row, query.Step());
  CHECK_NOTE(row, sql);
  return query.Number(0);
}

bool SqliteConnection::InTransaction() const {
  return sqlite3_get_autocommit(database_) == 0;
}

int64_t SqliteConnection::TotalChanges() const {
  return sqlite3_total_changes64(database_);
}

Result<void> SqliteConnection::Checkpoint(CheckpointMode mode) {
  const int how = mode == CheckpointMode::kPassive   ? SQLITE_CHECKPOINT_PASSIVE
                  : mode == CheckpointMode::kRestart ? SQLITE_CHECKPOINT_RESTART
                                                     : SQLITE_CHECKPOINT_TRUNCATE;
  if (sqlite3_wal_checkpoint_v2(database_, nullptr, how, nullptr, nullptr) != SQLITE_OK) {
    return LastError(database_);
  }
  return {};
}

}  // namespace slipway::store
