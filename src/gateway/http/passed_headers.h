// Which headers of a request go on to a program that speaks HTTP of its own, and which of its
// answer come back. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/http_message.h"

namespace slipway::gateway::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

// Of one connection only (RFC 9110, section 7.6.1), or of the framing, which each has for itself.
bool IsHopByHop(std::string_view name);

struct Passing {
  std::string_view prefix;       // of the service's paths, as the client sent it
  std::string_view traceparent;  // in place of the client's; empty: that stays
  bool has_key = false;          // Authorization is the service's own, and no business of a program
};

// Where the request begins for the program: what follows `segments` segments of the path, with the
// query.
struct PassedTarget {
  std::string prefix;
  std::string target;
};
PassedTarget TargetOf(const net::HttpRequest& request, size_t segments);

// All headers of the request that are not of its connection, with X-Forwarded-For,
// X-Forwarded-Prefix, X-Request-Id and traceparent.
Headers RequestHeaders(const net::HttpRequest& request, const Passing& passing);

// What a program said before the body of its answer.
struct PassedAnswer {
  int status = 0;
  Headers headers;
  std::optional<uint64_t> length;
};
// `words`: the status, then names and values. INTERNAL / PROGRAM_ANSWER for what cannot be passed
// on.
Result<PassedAnswer> ReadAnswer(std::span<const std::string> words);

}  // namespace slipway::gateway::http
