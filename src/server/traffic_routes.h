// Traffic of services: which revision a request would reach.
#pragma once

#include <vector>

#include "net/router.h"
#include "resource/resource_store.h"

namespace slipway::server {

// POST /api/v1/projects/{project}/services/{name}/traffic/explain: the body describes a request
// ({path, headers, query, body, key}), the answer is a routing::Explanation. `store` outlives the
// routes.
std::vector<net::Route> TrafficRoutes(resource::ResourceStore& store);

}  // namespace slipway::server
