// Limits of trust.
#pragma once

#include <cstddef>

namespace slipway::trust {

// Verdicts that an Authenticator remembers; beyond it the oldest generation is forgotten.
inline constexpr size_t kMaxCachedVerdicts = 4096;
// A longer Authorization header is no token of ours.
inline constexpr size_t kMaxTokenBytes = 256;

}  // namespace slipway::trust
