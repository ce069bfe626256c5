// Triton's generate extension: a flat JSON object in place of tensors.
//
//   {"id": "7", "text": "hello", "x": [1, 2], "parameters": {"timeout": 1000}}
//
// A member that has the name of an input is its data; its shape is that of the signature, open
// dimensions are 1 but for the last of them, which takes what is there. Other members are
// parameters of the request. Outputs are answered in the same way, those of one element without a
// list.
#pragma once

#include <string>
#include <string_view>

#include "gateway/v2/endpoints.h"
#include "gateway/v2/response_writer.h"
#include "net/http_message.h"

namespace slipway::gateway::v2 {

// The same request in the form of V2, for its parser. INVALID_ARGUMENT: JSON_SYNTAX and the like,
// REQUEST_INVALID, INPUT_SHAPE.
Result<std::string> GenerateRequest(std::string_view body, const ModelFace& model);
// Appends the answer.
Result<void> WriteGenerated(const InferAnswer& answer, std::string& out);

// POST .../generate: of a model that answers once.
Task<net::HttpResponse> Generate(Environment& environment, net::HttpRequest& request);
// POST .../generate_stream: an event for each answer. Where the model may answer several times, an
// error of the run is an event, too.
Task<net::HttpResponse> GenerateStream(Environment& environment, net::HttpRequest& request);

}  // namespace slipway::gateway::v2
