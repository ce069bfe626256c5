// RouteWalk: the table of a router, asked by several callers, against what its rules promise.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/router.h"

namespace slipway::trust {

struct RouteCaller {
  std::string name;
  std::string authorization;     // the header's value; empty: none is sent
  std::vector<net::Access> may;  // rules that let the caller in, beside kOpen and kIdentified
  bool is_known = true;          // false: the token is none
};

class RouteWalk {
 public:
  // `router` outlives it. `values` stand for the parameters of patterns: {"{project}", "default"}.
  RouteWalk(const net::Router& router, std::vector<std::pair<std::string, std::string>> values)
      : router_(router), values_(std::move(values)) {}

  // A request without a body, from a loopback peer, to a path or a pattern.
  net::HttpResponse Send(net::Method method, std::string pattern, std::string_view authorization);
  // Asks every route but those that are open to all. Who is not known must get 401, who may not
  // 403, and who may none of them, and no fault of the server. One line for each answer that is
  // another.
  std::vector<std::string> WrongAnswers(const std::vector<RouteCaller>& callers);

 private:
  const net::Router& router_;
  const std::vector<std::pair<std::string, std::string>> values_;
};

}  // namespace slipway::trust
