#include "store/meta/sqlite_schema.h"

#include <iterator>

#include "base/crash_point.h"
#include "base/random.h"

namespace slipway::store {
namespace {

// "SLIP": tells our files from those of other programs.
constexpr int64_t kApplicationId = 0x534C4950;

// Step N makes format N + 1 of format N; a new database takes all of them. A step that was
// released is never changed: folders of its format are out there.
constexpr const char* kSteps[] = {
    // 0: an empty file.
    R"(
      CREATE TABLE info (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE counters (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        version INTEGER NOT NULL,
        log_floor INTEGER NOT NULL,
        log_count INTEGER NOT NULL);
      INSERT INTO counters VALUES (1, 0, 0, 0);
      CREATE TABLE entries (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
      CREATE TABLE changes (
        version INTEGER PRIMARY KEY,
        key BLOB NOT NULL,
        value BLOB NOT NULL,
        deleted INTEGER NOT NULL,
        time_ms INTEGER NOT NULL);
    )",
    // 1: the log does not say who changed something.
    R"(
      ALTER TABLE changes ADD COLUMN actor TEXT NOT NULL DEFAULT '';
      ALTER TABLE changes ADD COLUMN request_id TEXT NOT NULL DEFAULT '';
    )",
    // 2: the registry's entries have no index rows; the registry makes them itself. Programs of
    // before would write entries without.
    "",
    // 3: the same of resources and their terms, and of the moves of tags.
    "",
};
static_assert(std::size(kSteps) == kDatabaseFormat);

Result<void> WriteInfo(SqliteConnection& connection, std::string_view name,
                       std::string_view value) {
  TRY(statement, connection.Prepare("INSERT OR REPLACE INTO info VALUES (?, ?)"));
  return SqliteQuery(statement.get()).BindText(name).BindText(value).Run();
}

Result<void> RefuseForeign(SqliteConnection& connection, int64_t format) {
  TRY(application, connection.QueryNumber("PRAGMA application_id"));
  TRY(tables, connection.QueryNumber("SELECT count(*) FROM sqlite_schema"));
  const bool is_empty = format == 0 && application == 0 && tables == 0;
  if (application == kApplicationId || is_empty) return {};
  return FailedPrecondition("DATABASE_FOREIGN",
                            "the file is a database of another program: choose another folder");
}

Result<void> RefuseNewer(SqliteConnection& connection, int64_t format) {
  if (format <= kDatabaseFormat) return {};
  // A newer format may have no such table; its number is told all the same.
  const auto program = ReadInfo(connection, "program");
  const std::string by = program && !program->empty() ? " by " + *program : "";
  return FailedPrecondition("FORMAT_NEWER", "the database was written" + by + " in format " +
                                                std::to_string(format) +
                                                ", this program knows formats up to " +
                                                std::to_string(kDatabaseFormat) +
                                                ": start that program, or a newer one")
      .With("format", std::to_string(format));
}

Result<void> Migrate(SqliteConnection& connection, int64_t from, std::string_view program) {
  for (int64_t format = from; format < kDatabaseFormat; ++format) {
    TRY_VOID(connection.Execute(kSteps[format]));
  }
  if (from == 0) {
    TRY_VOID(WriteInfo(connection, "epoch", RandomHexId(SystemRandom())));
    TRY_VOID(connection.Execute("PRAGMA application_id=" + std::to_string(kApplicationId)));
  }
  TRY_VOID(WriteInfo(connection, "program", program));
  TRY_VOID(connection.Execute("PRAGMA user_version=" + std::to_string(kDatabaseFormat)));
  CRASH_POINT("meta.migrated");
  TRY_VOID(connection.Execute("COMMIT"));
  CRASH_POINT("meta.migration_committed");
  return {};
}

}  // namespace

Result<std::string> ReadInfo(SqliteConnection& connection, std::string_view name) {
  TRY(statement, connection.Prepare("SELECT value FROM info WHERE name = ?"));
  SqliteQuery query(statement.get());
  query.BindText(name);
  TRY(row, query.Step());
  return row ? std::string(query.Bytes(0)) : std::string();
}

Result<void> CheckFormat(SqliteConnection& connection) {
  TRY(format, connection.QueryNumber("PRAGMA user_version"));
  TRY_VOID(RefuseForeign(connection, format));
  return RefuseNewer(connection, format);
}

Result<void> PrepareSchema(SqliteConnection& connection, std::string_view program) {
  TRY_VOID(connection.Execute("BEGIN IMMEDIATE"));
  const auto prepare = [&]() -> Result<void> {
    TRY_VOID(CheckFormat(connection));
    TRY(format, connection.QueryNumber("PRAGMA user_version"));
    if (format == kDatabaseFormat) return connection.Execute("COMMIT");
    return Migrate(connection, format, program);
  };
  const Result<void> prepared = prepare();
  if (!prepared && connection.InTransaction()) {
    static_cast<void>(connection.Execute("ROLLBACK"));
  }
  return prepared;
}

}  // namespace slipway::store
