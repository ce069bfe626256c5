// ShadowTicket: the wish that another revision sees a request, too, once it is answered.
#pragma once

#include "gateway/revision_runtime.h"
#include "routing/traffic_spec.h"

namespace slipway::gateway {

class Shadows;

// Keeps the shadow's revision loaded. Used on the core of its request.
struct ShadowTicket {
  ShadowTicket(Shadows& desk, RevisionRuntime& shadow, size_t core, routing::Tolerance tolerance)
      : shadows(desk), revision(shadow), compare(tolerance), in_flight(shadow.lane(core)) {}

  Shadows& shadows;
  RevisionRuntime& revision;
  const routing::Tolerance compare;
  const InFlight in_flight;
};

}  // namespace slipway::gateway
