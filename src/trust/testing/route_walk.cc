#include "trust/testing/route_walk.h"

#include <algorithm>

#include "async/testing/run.h"

namespace slipway::trust {
namespace {

class EmptyBody final : public net::BodyReader {
 public:
  std::optional<uint64_t> length() const override { return 0; }
  Task<Result<size_t>> Read(char*, size_t) override { co_return size_t{0}; }
  Task<Result<std::string>> ReadAll(uint64_t) override { co_return std::string(); }
};

bool IsAsPromised(const net::Route& route, const RouteCaller& caller, int status) {
  if (!caller.is_known) return status == 401;
  const bool may = route.access == net::Access::kIdentified ||
                   std::ranges::find(caller.may, route.access) != caller.may.end();
  return may ? status != 401 && status != 403 && status < 500 : status == 403;
}

}  // namespace

net::HttpResponse RouteWalk::Send(net::Method method, std::string pattern,
                                  std::string_view authorization) {
  for (const auto& [parameter, value] : values_) {
    if (const size_t at = pattern.find(parameter); at != std::string::npos) {
      pattern.replace(at, parameter.size(), value);
    }
  }
  EmptyBody body;
  net::HttpRequest request;
  request.method = method;
  request.method_text = net::MethodName(method);
  request.target = pattern;
  request.path = pattern;
  request.peer_is_loopback = true;
  if (!authorization.empty()) request.headers.emplace_back("Authorization", authorization);
  request.body = &body;
  return RunSync(router_.Handle(request));
}

std::vector<std::string> RouteWalk::WrongAnswers(const std::vector<RouteCaller>& callers) {
  std::vector<std::string> wrong;
  for (const net::Route& route : router_.routes()) {
    if (route.access == net::Access::kOpen) continue;
    for (const RouteCaller& caller : callers) {
      const int status = Send(route.method, route.pattern, caller.authorization).status;
      if (IsAsPromised(route, caller, status)) continue;
      wrong.push_back(caller.name + " " + std::string(net::MethodName(route.method)) + " " +
                      route.pattern + ": " + std::to_string(status));
    }
  }
  return wrong;
}

}  // namespace slipway::trust
