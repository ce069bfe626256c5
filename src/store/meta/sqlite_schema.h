// The database's format, and how older ones become the current one. See docs/formats/database.md.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "store/meta/sqlite_connection.h"

namespace slipway::store {

inline constexpr int kDatabaseFormat = 4;

// Changes nothing. FAILED_PRECONDITION / FORMAT_NEWER for a format above kDatabaseFormat,
// FAILED_PRECONDITION / DATABASE_FOREIGN for another program's file.
Result<void> CheckFormat(SqliteConnection& connection);

// Makes the tables of a new database, or migrates an older one forward, in one transaction, after
// CheckFormat. `program` is written into it as the one that did so.
Result<void> PrepareSchema(SqliteConnection& connection, std::string_view program);

// The value of a row of the table `info`; empty if there is none.
Result<std::string> ReadInfo(SqliteConnection& connection, std::string_view name);

}  // namespace slipway::store
