// Whole lists, page by page.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "cli/api_client.h"
#include "resource/kinds.h"

namespace slipway::cli {

// All pages as one list answer, with the version from which a watch sees what comes after it.
// `where` is an expression (docs/search.md); what it cannot decide is in metadata.undecided.
Result<Json> ListAll(ApiClient& api, const resource::KindInfo& kind, const std::string& project,
                     const std::string& label = {}, const std::string& where = {});

// INVALID_ARGUMENT / KIND_UNKNOWN with the kinds that there are.
Result<const resource::KindInfo*> KindOf(std::string_view name);

}  // namespace slipway::cli
