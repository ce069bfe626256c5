#include "agent/serve_listeners.h"

#include <algorithm>
#include <utility>

namespace slipway::agent {
namespace {

// As a socket shows the address that it is bound to.
std::string Normalised(const std::string& address) {
  if (address == "localhost") return "127.0.0.1";
  if (address.starts_with('[') && address.ends_with(']')) {
    return address.substr(1, address.size() - 2);
  }
  return address;
}

bool Fits(const NamedListener& have, const ListenAddress& want) {
  return have.name == want.name && have.listener.address() == Normalised(want.address) &&
         (want.port == 0 || have.listener.port() == want.port);
}

Result<net::Listener> OpenOne(const ListenAddress& want,
                              const std::vector<runtime::SiteEndpoint>& before) {
  if (want.port != 0) return net::Listener::Open(want.address, want.port);
  for (const runtime::SiteEndpoint& endpoint : before) {
    if (endpoint.name != want.name || endpoint.address != Normalised(want.address)) continue;
    auto again = net::Listener::Open(want.address, static_cast<uint16_t>(endpoint.port));
    if (again.has_value()) return again;
  }
  return net::Listener::Open(want.address, 0);
}

}  // namespace

Result<std::vector<NamedListener>> OpenListeners(const std::vector<ListenAddress>& wanted,
                                                 std::vector<NamedListener> inherited,
                                                 const std::vector<runtime::SiteEndpoint>& before) {
  std::vector<NamedListener> out;
  for (const ListenAddress& want : wanted) {
    auto found = std::find_if(inherited.begin(), inherited.end(),
                              [&want](const NamedListener& have) { return Fits(have, want); });
    if (found != inherited.end()) {
      out.push_back(std::move(*found));
      inherited.erase(found);
      continue;
    }
    TRY(listener, OpenOne(want, before));
    out.push_back({want.name, std::move(listener)});
  }
  return out;
}

bool ListensOn(const std::vector<NamedListener>& listeners,
               const std::vector<ListenAddress>& wanted) {
  return std::equal(listeners.begin(), listeners.end(), wanted.begin(), wanted.end(), Fits);
}

std::vector<runtime::SiteEndpoint> EndpointsOf(const std::vector<NamedListener>& listeners,
                                               const std::vector<ListenAddress>& wanted) {
  std::vector<runtime::SiteEndpoint> out;
  for (const NamedListener& have : listeners) {
    const auto want = std::ranges::find(wanted, have.name, &ListenAddress::name);
    out.push_back({.name = have.name,
                   .address = have.listener.address(),
                   .port = have.listener.port(),
                   .tls = want != wanted.end() && want->tls});
  }
  return out;
}

std::vector<runtime::PassedDescriptor> DescriptorsOf(const std::vector<NamedListener>& listeners) {
  std::vector<runtime::PassedDescriptor> out;
  for (const NamedListener& have : listeners) {
    out.push_back({have.name, have.listener.descriptor()});
  }
  return out;
}

}  // namespace slipway::agent
