// /healthz, /readyz and /metrics.
#pragma once

#include <functional>
#include <vector>

#include "net/router.h"

namespace slipway::server {

// `ready` is asked at each /readyz.
std::vector<net::Route> HealthRoutes(std::function<bool()> ready);

}  // namespace slipway::server
