// Tokens: made by POST, whose answer alone carries the secret; those of one project are also under
// /api/v1/projects/{project}/tokens, for its admins.
#pragma once

#include <vector>

#include "net/router.h"
#include "resource/resource_store.h"

namespace slipway::resource {

// POST /api/v1/tokens, and GET, POST and DELETE under the project.
std::vector<net::Route> TokenRoutes(ResourceStore& store);

}  // namespace slipway::resource
