// RouteNote: what the table of routes does not say of a route that is not the resource API's.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_message.h"
#include "net/query.h"

namespace slipway::resource {

// A parameter that the route reads. Others are let through: clients of these protocols add their
// own. The texts live for ever.
struct NotedParameter {
  std::string_view name;
  std::string_view text;  // one sentence
  net::QueryParameter::Kind kind = net::QueryParameter::Kind::kText;
  bool repeated = false;
};

struct RouteNote {
  net::Method method = net::Method::kGet;
  std::string pattern;                     // as the route has it
  std::vector<int> statuses;               // of its answers that are no errors
  std::vector<NotedParameter> query = {};  // beside those of the route itself
  bool has_problems = false;               // its errors are Problems, not its protocol's own
};

// The note of a route, nullptr if there is none.
const RouteNote* FindNote(std::span<const RouteNote> notes, net::Method method,
                          std::string_view pattern);

}  // namespace slipway::resource
