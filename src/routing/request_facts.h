// RequestFacts: what rules may ask of a request.
#pragma once

#include <optional>
#include <string_view>

#include "routing/body_field.h"

namespace slipway::routing {

// Used by one thread. Views live as long as the facts do.
class RequestFacts {
 public:
  virtual ~RequestFacts() = default;

  // The first value of the header of that name, which is in lower case.
  virtual std::optional<std::string_view> Header(std::string_view name) = 0;
  // Percent-decoded; nothing if that fails.
  virtual std::optional<std::string_view> Path() = 0;
  // The first value of that query parameter, percent-decoded.
  virtual std::optional<std::string_view> Query(std::string_view name) = 0;
  // A string as it is, a number as it is written, "true" or "false"; nothing for anything else, and
  // for what is longer than kMaxValueBytes.
  virtual std::optional<std::string_view> Body(const BodyField& field) = 0;
};

// The value of that cookie, with the quotes around it taken off.
std::optional<std::string_view> CookieIn(std::string_view header, std::string_view name);

}  // namespace slipway::routing
