// What the V2 protocol tells of the server and its models, without running any.
#pragma once

#include "gateway/v2/endpoints.h"
#include "net/http_message.h"

namespace slipway::gateway::v2 {

net::HttpResponse ServerMetadata(Environment& environment, net::HttpRequest& request);
net::HttpResponse ServerLive(Environment& environment, net::HttpRequest& request);
net::HttpResponse ServerReady(Environment& environment, net::HttpRequest& request);
// The names of those on which the sender may infer, as KServe has it.
net::HttpResponse ModelNames(Environment& environment, net::HttpRequest& request);
net::HttpResponse ModelMetadata(Environment& environment, net::HttpRequest& request);
net::HttpResponse ModelConfig(Environment& environment, net::HttpRequest& request);
net::HttpResponse ModelReady(Environment& environment, net::HttpRequest& request);

}  // namespace slipway::gateway::v2
