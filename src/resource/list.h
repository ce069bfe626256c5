// Pages of a list out of a snapshot.
#pragma once

#include <span>
#include <string>

#include "resource/resource_store.h"

namespace slipway::resource {

struct ListSource {
  const std::string& epoch;
  const KindInfo& kind;
  std::string project;  // empty: all projects, or a global kind
  std::span<const SearchPart> parts;
};

// Sorted by project and name. Looks at kMaxScannedPerPage objects at most, or so many that they
// have kMaxWorkPerPage, so that a page of a filtered list may be short, even empty, and yet
// have a continue token. Errors: FIELD_RANGE (limit), SELECTOR_INVALID, those of Expression,
// WHERE_UNSUPPORTED (a kind that takes none), CONTINUE_INVALID (not ours, or of another list),
// OUT_OF_RANGE / EXPIRED (of another database).
Result<ListPage> ReadList(const store::Snapshot& snapshot, const ListSource& source,
                          const ListOptions& options);

}  // namespace slipway::resource
