// Checks that every MetaStore makes alike.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace slipway::store {

// INVALID_ARGUMENT / KEY_INVALID or VALUE_TOO_LARGE.
Result<void> CheckKeyValue(std::string_view key, std::string_view value);

// OUT_OF_RANGE / EXPIRED unless floor <= after <= version.
Result<void> CheckLogReaches(uint64_t after, uint64_t floor, uint64_t version);

// INTERNAL / LOG_ORDER unless `version` was taken and is above that of the last entry: a caller's
// mistake, but not one to lose the process for.
Result<void> CheckLogVersion(uint64_t version, uint64_t last_logged, uint64_t last_taken);

}  // namespace slipway::store
