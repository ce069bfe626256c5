// RequestParser: reads the JSON of an inference request straight into tensors.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "gateway/v2/infer_request.h"

namespace slipway::gateway::v2 {

// Keeps memory from request to request; one for each core. Not thread-safe.
class RequestParser {
 public:
  RequestParser();
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // `body` is followed by kBodyPadding readable bytes; `binary` is the tensors that come behind it,
  // which must live as long as `out` is used. Members may come in any order; those that
  // the protocol does not know are skipped, but must be JSON. On success `out` is complete: every
  // input of the model is there, with its type and a shape that matches. After an error it holds
  // anything. All errors are INVALID_ARGUMENT, or UNIMPLEMENTED for extensions that are not served,
  // and say what is wrong and where.
  Result<void> Parse(std::string_view body, std::string_view binary, const ModelFace& model,
                     InferRequest& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::gateway::v2
