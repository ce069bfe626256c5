// Resource files: one or more YAML or JSON documents.
#pragma once

#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace slipway::cli {

inline constexpr size_t kMaxDocuments = 1'000;

// The resources of a file: documents between lines that begin with `---`; a document whose kind
// ends in "List" stands for its items; empty documents are left out. Errors name the document.
Result<std::vector<Json>> ParseDocuments(std::string_view text);

}  // namespace slipway::cli
