#include "store/meta/sqlite_check.h"

#include "store/meta/sqlite_connection.h"

namespace slipway::store {
namespace {

constexpr int kCacheKib = 512;

// Of statements that are right, SQLITE_ERROR speaks of the schema that it read.
bool SpeaksOfSchema(const Error& error) {
  return error.code() == Code::kInternal && error.detail("sqlite") == "1";
}

Result<void> CheckPages(SqliteConnection& connection) {
  TRY(statement, connection.Prepare("PRAGMA integrity_check(1)"));
  SqliteQuery query(statement.get());
  TRY(row, query.Step());
  const std::string said = row ? std::string(query.Bytes(0)) : "no answer";
  return said == "ok" ? Result<void>() : DataLoss("DATABASE_CORRUPT", "database: " + said);
}

}  // namespace

Result<void> CheckSqliteFile(const std::string& path) {
  TRY(connection, SqliteConnection::Open({.path = path, .writer = true, .cache_kib = kCacheKib}));
  const Result<void> checked = CheckPages(*connection);
  if (checked) return {};
  const Error& error = checked.error();
  if (!SpeaksOfSchema(error)) return error.Prefixed(path + ": ");
  return DataLoss("DATABASE_CORRUPT", path + ": " + error.message());
}

}  // namespace slipway::store
