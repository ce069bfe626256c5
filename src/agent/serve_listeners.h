// The sockets of the data plane: opened by the agent, kept by it and by serve.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/serve_connection.h"
#include "base/result.h"
#include "runtime/driver.h"
#include "runtime/site_state.h"

namespace slipway::agent {

struct ListenAddress {
  std::string name;     // "rest", "grpc", "metrics"
  std::string address;  // numeric, or localhost
  uint16_t port = 0;    // 0: a free one, the one used before if it is still free
  bool tls = false;     // serve takes TLS only there
};

// Takes what fits from `inherited`, in the order of `wanted`, and opens the rest; `before` are the
// endpoints of the last time. Sockets that are not wanted any more are closed.
Result<std::vector<NamedListener>> OpenListeners(const std::vector<ListenAddress>& wanted,
                                                 std::vector<NamedListener> inherited,
                                                 const std::vector<runtime::SiteEndpoint>& before);

// Whether exactly these addresses are listened on.
bool ListensOn(const std::vector<NamedListener>& listeners,
               const std::vector<ListenAddress>& wanted);

// What is listened on, with what `wanted` says of the protocol.
std::vector<runtime::SiteEndpoint> EndpointsOf(const std::vector<NamedListener>& listeners,
                                               const std::vector<ListenAddress>& wanted);
std::vector<runtime::PassedDescriptor> DescriptorsOf(const std::vector<NamedListener>& listeners);

}  // namespace slipway::agent
