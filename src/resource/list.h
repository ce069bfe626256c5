// Pages of a list out of a snapshot.
#pragma once

#include <string>

#include "resource/resource_store.h"

namespace slipway::resource {

// Sorted by project and name. Looks at kMaxScannedPerPage objects at most, so that a page of a
// filtered list may be short, even empty, and yet have a continue token. Errors: FIELD_RANGE
// (limit), SELECTOR_INVALID, CONTINUE_INVALID (not ours, or of another list), OUT_OF_RANGE /
// EXPIRED (of another database).
Result<ListPage> ReadList(const store::Snapshot& snapshot, const std::string& epoch,
                          const KindInfo& kind, const std::string& project,
                          const ListOptions& options);

}  // namespace slipway::resource
