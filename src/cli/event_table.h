// Events as rows.
#pragma once

#include "base/clock.h"
#include "base/json.h"
#include "cli/output.h"

namespace slipway::cli {

Table EventTable(const Json& items, Clock& clock);

}  // namespace slipway::cli
