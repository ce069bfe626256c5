// The tags of one repository of any registry, as rows like those of the local store.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "cli/client.h"

namespace slipway::cli {

// `name` is HOST/REPOSITORY, or one tag of it: {items[...]} for PrintModels. Of a repository with
// more than kMaxListedTags it is the first ones, which is said on standard error. INVALID_ARGUMENT
// / REFERENCE_INVALID for a digest.
Result<Json> ListRemoteTags(Client& client, const std::string& name);

inline constexpr size_t kMaxListedTags = 1'000;

}  // namespace slipway::cli
