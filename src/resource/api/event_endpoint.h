// GET .../{name}/events and /api/v1/projects/{project}/events: {"items": [...]}, oldest first.
#pragma once

#include "net/http_message.h"
#include "resource/resource_store.h"

namespace slipway::resource {

// The events of one object, or of the whole project where `key.kind` is empty. Those of an object
// that is gone are only among its project's.
Task<net::HttpResponse> EventsResponse(ResourceStore& store, Key key);

}  // namespace slipway::resource
