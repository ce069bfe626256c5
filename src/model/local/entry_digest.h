// Digests as people write them: whole, or as much of them as tells entries of a store apart.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/local/layout_index.h"

namespace slipway::model {

// As many as `slipway model list` shows.
inline constexpr size_t kMinDigestDigits = 12;

// "sha256:ab12..." or "ab12...", kMinDigestDigits at least. Nothing else may be one: a repository
// of such a name is written with its project.
bool IsDigestPrefix(std::string_view text);

// Whether the digest begins so.
bool HasDigestPrefix(const Digest& digest, std::string_view prefix);

// All entries of the one digest that begins with `prefix`, those with a name first; empty: there
// are none. INVALID_ARGUMENT / DIGEST_AMBIGUOUS names the digests that begin so.
Result<std::vector<LocalEntry>> EntriesOfDigest(const std::vector<LocalEntry>& entries,
                                                std::string_view prefix);

}  // namespace slipway::model
