// What the routes of the registry and of the token service answer and read, for OpenAPI.
#pragma once

#include <vector>

#include "resource/route_note.h"

namespace slipway::registry {

// Of Registry::Routes and of TokenServiceRoutes, one for each.
std::vector<resource::RouteNote> RegistryRouteNotes();

}  // namespace slipway::registry
