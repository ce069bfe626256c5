// BodyField: the name of a value in the body of a V2 request.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::routing {

struct BodyField {
  std::string pointer;    // RFC 6901: "/parameters/user"
  std::string parameter;  // "user", where it is a parameter of the request; else empty

  // The names and indexes of the pointer, one for each step down, as they are meant.
  std::vector<std::string> Steps() const;

  // "parameters.NAME" or a JSON pointer that is not empty. INVALID_ARGUMENT / FIELD_FORMAT, in
  // words that follow "FIELD: ".
  static Result<BodyField> Parse(std::string_view text);
};

}  // namespace slipway::routing
