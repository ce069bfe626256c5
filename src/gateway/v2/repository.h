// The repository of models: what there is, and loading and unloading.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "gateway/v2/endpoints.h"
#include "net/http_message.h"

namespace slipway::gateway::v2 {

// Who asks, for methods whose rule is kControl.
struct Caller {
  bool is_loopback = false;
  std::optional<std::string_view> authorization;
};

// All models that the caller may know of, with the names of FullName. Those that are not configured
// to serve are shown to who may change that.
Task<std::vector<IndexEntry>> CollectIndex(Environment& environment, Caller caller,
                                           bool ready_only);

// POST .../repository/index, .../repository/models/{model}/load and unload.
Task<net::HttpResponse> RepositoryIndex(Environment& environment, net::HttpRequest& request);
Task<net::HttpResponse> RepositoryLoad(Environment& environment, net::HttpRequest& request);
Task<net::HttpResponse> RepositoryUnload(Environment& environment, net::HttpRequest& request);

}  // namespace slipway::gateway::v2
