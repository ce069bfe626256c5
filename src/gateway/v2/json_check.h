// A strict second look at a body that the fast reader refused: what is wrong with it, and where.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace slipway::gateway::v2 {

struct JsonFault {
  std::string_view what;  // a clause without position
  size_t offset = 0;  // of the first byte that cannot stand there; the size where all is too short
  bool too_deep = false;  // nested deeper than kMaxJsonDepth, whatever follows
};

// The first place at which `body` stops being one JSON value in UTF-8, or nothing. NaN, Infinity
// and -Infinity count as numbers, as they do in `data`. Linear in the size, without recursion; not
// for the path of good requests.
std::optional<JsonFault> FindJsonFault(std::string_view body);

}  // namespace slipway::gateway::v2
