// What the V2 protocol tells of the work that models have done.
#pragma once

#include "gateway/v2/endpoints.h"
#include "net/http_message.h"

namespace slipway::gateway::v2 {

// Of one model, or of one version of it.
net::HttpResponse ModelStatistics(Environment& environment, net::HttpRequest& request);
// Of all models of a project on which the caller may infer.
net::HttpResponse AllStatistics(Environment& environment, net::HttpRequest& request);

}  // namespace slipway::gateway::v2
