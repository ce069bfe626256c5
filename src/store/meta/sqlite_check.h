// Whether the file of a database is whole.
#pragma once

#include <string>

#include "base/result.h"

namespace slipway::store {

// Reads every page of the database at `path`, which exists: DATA_LOSS / DATABASE_CORRUPT with the
// first thing that is wrong. Takes as long as reading the file does: for small ones. Values that
// were overwritten in place are not seen, SQLite keeps no check sums. Blocking.
Result<void> CheckSqliteFile(const std::string& path);

}  // namespace slipway::store
