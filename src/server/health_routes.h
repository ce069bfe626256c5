// /healthz, /readyz and /metrics.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "async/task.h"
#include "net/router.h"

namespace slipway::server {

// Both are asked at each /readyz.
struct HealthHooks {
  std::function<bool()> ready;
  // What keeps a ready program from doing all of its work, in a sentence; else empty.
  std::function<Task<std::string>()> warning;
};
std::vector<net::Route> HealthRoutes(HealthHooks hooks);

}  // namespace slipway::server
