// Members of a manifest's JSON, with limits. For the .cc files of this module.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace slipway::oci {

// INVALID_ARGUMENT / MANIFEST_INVALID: "FIELD WHAT", with the detail "field".
Error FieldError(const std::string& field, const std::string& what);

// The string member of that name, empty if it is missing or null. `at` is the path of `json`.
Result<std::string> StringField(const Json& json, std::string_view name, const std::string& at,
                                size_t max_bytes);

}  // namespace slipway::oci
