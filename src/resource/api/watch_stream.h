// A watch as server-sent events: `event: added|modified|deleted|bookmark`, id = version, data = the
// resource (of a bookmark: {"version": N}); an error ends the stream as `event: error`.
#pragma once

#include <memory>

#include "net/http_message.h"
#include "resource/resource_store.h"
#include "trust/recheck.h"

namespace slipway::resource {

// Asks `recheck` before each event and every kWatchRecheck; what it refuses with ends the stream.
net::HttpResponse WatchResponse(std::shared_ptr<ResourceStore::Watch> watch,
                                trust::Recheck recheck);

}  // namespace slipway::resource
