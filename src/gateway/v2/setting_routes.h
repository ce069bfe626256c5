// The logging and trace extensions of the V2 protocol over REST.
#pragma once

#include "gateway/v2/endpoints.h"
#include "net/http_message.h"

namespace slipway::gateway::v2 {

net::HttpResponse LogSettingsNow(Environment& environment, net::HttpRequest& request);
Task<net::HttpResponse> SetLogSettings(Environment& environment, net::HttpRequest& request);
// Of the route's {model}, or global where it has none.
net::HttpResponse TraceSettingsNow(Environment& environment, net::HttpRequest& request);
Task<net::HttpResponse> SetTraceSettings(Environment& environment, net::HttpRequest& request);

}  // namespace slipway::gateway::v2
