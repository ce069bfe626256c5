// What a data plane says of a request that it does not answer.
#pragma once

#include <string>

#include "base/result.h"

namespace slipway::cli {

// V2 answers errors as {"error": "text"}; what was refused before it saw the request is a problem
// document.
Error InferenceError(int status, const std::string& body);

}  // namespace slipway::cli
