// SignatureCheck: what a request names, held against the signature of its model.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gateway/v2/infer_request.h"

namespace slipway::gateway::v2 {

// Position of the input `name`, marked in `seen` (one for each input of the signature).
// INPUT_UNKNOWN, INPUT_REPEATED.
Result<size_t> TakeInput(const ModelFace& model, std::string_view name, std::vector<uint8_t>& seen);
// Whether `datatype`, as the client spells it, is that of the input. REQUEST_INVALID for what is no
// type at all, INPUT_TYPE.
Result<void> CheckType(const ModelFace& model, size_t input, std::string_view datatype);
// The number of elements. REQUEST_INVALID for what is no shape, INPUT_SHAPE.
Result<uint64_t> CheckShape(const ModelFace& model, size_t input, const tensor::Shape& shape);
// INPUT_MISSING unless every input was seen.
Result<void> CheckComplete(const ModelFace& model, const std::vector<uint8_t>& seen);
// Adds the output `name` to what is wanted: OUTPUT_UNKNOWN, OUTPUT_REPEATED.
Result<void> WantOutput(const ModelFace& model, std::string_view name, OutputForm form,
                        InferRequest& request);

// A member of a request is not what the protocol wants there: REQUEST_INVALID.
Error MemberFault(std::string_view member, std::string_view what);

}  // namespace slipway::gateway::v2
