// SqliteConnection: one connection of SQLite with its statements, used by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace slipway::store {

// One run of a prepared statement; makes it ready for the next run when it is destroyed.
class SqliteQuery {
 public:
  explicit SqliteQuery(sqlite3_stmt* statement) : statement_(statement) {}
  ~SqliteQuery();
  SqliteQuery(const SqliteQuery&) = delete;
  SqliteQuery& operator=(const SqliteQuery&) = delete;

  // Parameters from left to right. Bytes are not copied: they live until the last Step.
  SqliteQuery& Bind(std::string_view blob);
  SqliteQuery& BindText(std::string_view text);
  SqliteQuery& Bind(int64_t number);

  // true: there is a row.
  Result<bool> Step();
  // For statements that answer no rows.
  Result<void> Run();

  int64_t Number(int column) const;
  // Valid until the next Step.
  std::string_view Bytes(int column) const;

 private:
  sqlite3_stmt* statement_;
  int bound_ = 0;
};

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const;
};
using SqliteStatement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

struct SqliteConnectionOptions {
  std::string path;
  std::string vfs;
  bool writer = false;  // else read-only; the writer makes the file if it is missing
  int cache_kib = 512;
};

enum class CheckpointMode : uint8_t {
  kPassive,   // what no reader holds back
  kRestart,   // waits for readers; the log begins anew in the room that its file has
  kTruncate,  // waits for readers, and empties the log's file
};

// Errors: RESOURCE_EXHAUSTED / DISK_FULL or FILE_SIZE_LIMIT, DATA_LOSS / DATABASE_CORRUPT,
// UNAVAILABLE / DATABASE_BUSY, PERMISSION_DENIED / FILE_ACCESS, INTERNAL / DATABASE.
class SqliteConnection {
 public:
  static Result<std::unique_ptr<SqliteConnection>> Open(const SqliteConnectionOptions& options);
  ~SqliteConnection();
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  // For the writer: from here on what COMMIT acknowledges survives a crash, at the price of one
  // sync of the log. Only Checkpoint moves the log into the database.
  Result<void> UseWriteAheadLog();

  // One statement or several, without parameters and rows.
  Result<void> Execute(const std::string& sql);
  Result<SqliteStatement> Prepare(std::string_view sql);
  // The one number that a query without parameters answers, such as a pragma.
  Result<int64_t> QueryNumber(std::string_view sql);

  // False once an error made SQLite roll back by itself.
  bool InTransaction() const;
  // Rows that were inserted, updated or deleted since it was opened.
  int64_t TotalChanges() const;
  // Pages in the write-ahead log after the last commit.
  int wal_pages() const { return wal_pages_; }
  // Moves committed pages from the log into the database.
  Result<void> Checkpoint(CheckpointMode mode);

 private:
  SqliteConnection() = default;
  Result<void> Configure(const SqliteConnectionOptions& options);

  sqlite3* database_ = nullptr;
  int wal_pages_ = 0;
};

}  // namespace slipway::store
