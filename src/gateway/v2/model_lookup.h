// ModelLookup: which revision a V2 request is for.
#pragma once

#include "base/result.h"
#include "gateway/core_slot.h"
#include "net/http_message.h"

namespace slipway::gateway::v2 {

// The route's {model}, in its {project} or `default`, and its {version} if it has one, else the
// revision whose turn it is. Errors in Triton's words: NOT_FOUND / MODEL_UNKNOWN, UNAVAILABLE /
// MODEL_NOT_READY. Valid until the core's next suspension, or as long as it is counted in.
Result<RevisionRuntime*> FindRevision(CoreSlot& core, const net::HttpRequest& request);
// The service, ready or not.
Result<const ServiceEntry*> FindService(const CoreSlot& core, const net::HttpRequest& request);

}  // namespace slipway::gateway::v2
