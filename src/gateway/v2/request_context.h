// RequestContext: what the readers of the parts of one JSON request share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gateway/v2/binary_tensor.h"
#include "gateway/v2/infer_request.h"
#include "gateway/v2/json_reader.h"
#include "gateway/v2/shared_tensor.h"

namespace slipway::gateway::v2 {

struct RequestContext {
  // The JSON, and where texts of errors count its bytes from.
  std::string_view json;
  const JsonPlace place;
  // Tensors that follow the JSON.
  BinaryTail binary;
  const ModelFace& model;
  ondemand::parser& second;    // for `data` that comes before its type and shape
  std::vector<uint8_t>& seen;  // inputs that were there, by position
  InferRequest& out;
  size_t parameters = 0;

  // Counts one member of any `parameters` object.
  Result<void> CountParameter();
  // A parameter that means nothing here must be a string, a number or a boolean.
  Result<void> PlainParameter(std::string_view key, ondemand::value& value) const;
};

// One of the parameters of a tensor that say where it lies in shared memory; false: another one.
Result<bool> ReadSharedParameter(std::string_view key, ondemand::value& value,
                                 SharedParameters& out);

// A member that must be there, or must not be there again.
Error Missing(std::string_view member, std::string_view of);
Error Repeated(std::string_view member);

// Calls `read(object)` for each object of an array.
template <class Read>
Result<void> ForEachObject(ondemand::array array, std::string_view member, const JsonPlace& place,
                           Read read) {
  size_t last_byte = 1;
  for (auto item : array) {
    ondemand::value element;
    if (const auto error = item.get(element); error != simdjson::SUCCESS) {
      return SyntaxFault(simdjson::error_message(error), last_byte);
    }
    last_byte = place.Byte(element.raw_json_token().data());
    TRY(object, AsObject(element, member));
    TRY_VOID(read(object));
  }
  return {};
}

}  // namespace slipway::gateway::v2
