// The requests to programs that speak HTTP of their own: /services/NAME/..., and the same below
// /p/PROJECT.
#pragma once

#include <vector>

#include "async/core_pool.h"
#include "async/task_group.h"
#include "gateway/body_reader.h"
#include "gateway/core_slot.h"
#include "net/router.h"

namespace slipway::gateway::http {

// What the routes need; outlives them.
struct Environment {
  CoreSlots& slots;
  CorePool& cores;
  BodyBudget& bodies;
  // Of requests, whose clients may have left. Stopped before the rest goes.
  TaskGroup runs;
};

std::vector<net::Route> MakeRoutes(Environment& environment);

}  // namespace slipway::gateway::http
