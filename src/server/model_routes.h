// What is told of models beyond their resources: lineage and history.
#pragma once

#include <vector>

#include "net/router.h"
#include "resource/resource_store.h"

namespace slipway::server {

// GET /api/v1/projects/{project}/modelversions/{name}/lineage (docs/lineage.md) and
// GET /api/v1/projects/{project}/models/{name}/history. `store` outlives the routes.
std::vector<net::Route> ModelRoutes(resource::ResourceStore& store);

}  // namespace slipway::server
