// The query of a URL, and what a route takes of one.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace slipway::net {

struct HttpRequest;

// One parameter that a route takes, at most once. The texts live for ever.
struct QueryParameter {
  enum class Kind : uint8_t {
    kText,
    kNumber,  // decimal digits
    kFlag,    // 1, true or nothing; 0 or false
  };
  std::string_view name;
  Kind kind = Kind::kText;
  std::string_view text;  // one sentence, for OpenAPI
};

// Names and values in order, percent-decoded; '+' is a space.
std::vector<std::pair<std::string, std::string>> ParseQuery(std::string_view query);

// INVALID_ARGUMENT with the detail "field": QUERY_UNKNOWN for a parameter that is not in `taken`,
// QUERY_REPEATED for one that is there twice, QUERY_INVALID for a value of another kind.
Result<void> CheckQuery(std::string_view query, std::span<const QueryParameter> taken);

// Whether the request has the flag, and neither as 0 nor as false.
bool IsSet(const HttpRequest& request, std::string_view flag);

}  // namespace slipway::net
