// The endpoints of the V2 protocol, and the table of their routes.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "gateway/body_reader.h"
#include "gateway/core_slot.h"
#include "gateway/key_guard.h"
#include "gateway/model_control.h"
#include "gateway/settings.h"
#include "gateway/shared_memory.h"
#include "gateway/v2/response_writer.h"
#include "net/router.h"

namespace slipway::gateway {
class Telemetry;
}

namespace slipway::gateway::v2 {

// What the endpoints need; outlives them.
struct Environment {
  CoreSlots& slots;
  BodyBudget& bodies;
  // Whether the data plane has its configuration loaded and is not about to end.
  std::function<bool()> ready;
  std::string server_name;  // as /v2 tells it
  NonFinite non_finite = NonFinite::kNull;
  Clock& clock;
  ControlAccess control;
  ModelControl* models = nullptr;         // nullptr: what is loaded is the configuration's alone
  SharedMemory* shared_memory = nullptr;  // nullptr: there is none for clients
  LogSettings& log;
  TraceSettings& trace;
  Telemetry* telemetry = nullptr;  // nullptr: there is no record of requests
};

// The extensions that are served, by Triton's names.
std::vector<std::string_view> Extensions(const Environment& environment);

// Calls `visit` for the services on which the sender of this Authorization may infer.
template <class Visit>
void VisitAllowed(const Environment& environment, std::optional<std::string_view> authorization,
                  Visit visit) {
  CoreSlot& core = environment.slots.current();
  for (const ServiceEntry& service : core.snapshot->services()) {
    if (CheckKey(core, environment.clock, service, authorization).has_value()) visit(service);
  }
}

// Routes of /v2 and of /p/{project}/v2.
std::vector<net::Route> MakeRoutes(Environment& environment);

// The handler of `.../infer`.
Task<net::HttpResponse> Infer(Environment& environment, net::HttpRequest& request);

}  // namespace slipway::gateway::v2
