// OpenAPI 3.1 of the control centre, made from the route table and the descriptions of kinds.
#pragma once

#include <span>
#include <string_view>

#include "base/json.h"
#include "net/router.h"

namespace slipway::resource {

// Paths come from `routes` (`{name+}` is written `{name}`), schemas from Kinds(): for each kind the
// envelope, its spec and its status, and a list of them.
Json OpenApiDocument(std::span<const net::Route> routes, std::string_view program_version);

}  // namespace slipway::resource
