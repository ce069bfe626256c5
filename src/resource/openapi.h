// OpenAPI 3.1 of the control centre, made from the route table and the descriptions of kinds.
#pragma once

#include <span>
#include <string_view>

#include "base/json.h"
#include "net/router.h"
#include "resource/route_note.h"

namespace slipway::resource {

// Paths come from `routes` (`{name+}` is written `{name}`), schemas from Kinds(): for each kind the
// envelope, its spec and its status, and a list of them. A route with a note has the statuses and
// parameters that it says, and errors in the form that it says.
Json OpenApiDocument(std::span<const net::Route> routes, std::string_view program_version,
                     std::span<const RouteNote> notes = {});

}  // namespace slipway::resource
