// Parameter: one entry of a `parameters` map: its key, and the InferParameter.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include "base/result.h"

namespace slipway::gateway::grpc {

struct Parameter {
  std::string_view key;
  // monostate: no value of a kind that is known.
  std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string_view> value;

  // INVALID_ARGUMENT / REQUEST_INVALID for another kind; a text of digits is a number, too.
  Result<bool> AsBool() const;
  Result<uint64_t> AsUnsigned() const;
  Result<std::string_view> AsText() const;
};

// Views into `entry`. INVALID_ARGUMENT / MESSAGE_INVALID.
Result<Parameter> ReadParameter(std::string_view entry);

}  // namespace slipway::gateway::grpc
