// POST /api/v1/tokens: the answer, and no other, carries the token's secret.
#pragma once

#include "net/http_message.h"
#include "resource/resource_store.h"

namespace slipway::resource {

// An empty metadata.name gets one made of the token's id.
Task<net::HttpResponse> CreateToken(ResourceStore& store, const KindInfo& kind,
                                    net::HttpRequest& request);

}  // namespace slipway::resource
