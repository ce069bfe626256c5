// `slipway explain`: kinds and their fields as text for a terminal.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::resource {

// "service.spec.predictor": what the field means, its type, limits and default, and the fields in
// it; "service": the kind; "": all kinds. Lists, maps and optionals are passed through to what they
// hold. NOT_FOUND / KIND_UNKNOWN or FIELD_UNKNOWN with the names that there are.
Result<std::string> ExplainText(std::string_view path);

}  // namespace slipway::resource
