// GET /api/v1/explain: kinds and fields in the words of this server.
#pragma once

#include "net/router.h"

namespace slipway::resource {

inline constexpr std::string_view kExplainPath = "/api/v1/explain";

// `path` of the query as for Explain; answers an Explanation.
net::Route ExplainRoute();

}  // namespace slipway::resource
