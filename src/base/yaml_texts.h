// YAML whose scalars are texts, for readers of documents that mean texts where they write numbers.
#pragma once

#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace slipway {

// ParseYaml, but numbers and booleans are the texts that stand there: `1.10` is "1.10", not 1.1.
Result<Json> ParseYamlTexts(std::string_view text, const JsonLimits& limits = {});

}  // namespace slipway
