// Errors about the JSON of a request: what is wrong, and at which byte.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "gateway/v2/simdjson.h"

namespace slipway::gateway::v2 {

// Where texts of errors count bytes from.
class JsonPlace {
 public:
  explicit JsonPlace(std::string_view body) : body_(body) {}

  // Of `at`, from 1; it may be one past the end, or outside where a parser lost its way.
  size_t Byte(const char* at) const {
    if (at < body_.data()) return 1;
    return std::min(static_cast<size_t>(at - body_.data()), body_.size()) + 1;
  }

 private:
  std::string_view body_;
};

inline std::string AtByte(size_t byte) {
  return " (byte " + std::to_string(byte) + ")";
}

// The body is no JSON.
inline Error SyntaxFault(std::string_view what, size_t byte) {
  return InvalidArgument("JSON_SYNTAX", "failed to parse the request JSON buffer: " +
                                            std::string(what) + " at byte " + std::to_string(byte));
}

inline Error DepthFault(size_t byte) {
  return InvalidArgument("JSON_TOO_DEEP",
                         "failed to parse the request JSON buffer: JSON nesting depth exceeds "
                         "maximum allowed limit (100) at byte " +
                             std::to_string(byte));
}

}  // namespace slipway::gateway::v2
