// What a service can be told to do besides changing its spec.
#pragma once

#include <vector>

#include "net/router.h"
#include "resource/resource_store.h"

namespace slipway::server {

// POST /api/v1/projects/{project}/services/{name}/rollback and .../retry. The answer is the
// service as it is then. `store` outlives the routes.
std::vector<net::Route> ServiceRoutes(resource::ResourceStore& store);

}  // namespace slipway::server
