// Limits of trust.
#pragma once

#include <chrono>
#include <cstddef>

namespace slipway::trust {

// Verdicts that an Authenticator remembers; beyond it the oldest generation is forgotten.
inline constexpr size_t kMaxCachedVerdicts = 4096;
// A longer text is no Token's.
inline constexpr size_t kMaxTokenBytes = 256;

// Repositories that one access token is for, one scope's text, and the signed token itself, which
// has to fit into a header together with all others.
inline constexpr size_t kMaxScopes = 16;
inline constexpr size_t kMaxScopeBytes = 512;
inline constexpr size_t kMaxAccessTokenBytes = 8 << 10;
// How long an access token is valid. Five minutes is what clients know from other registries: long
// enough to begin every request of a pull with one, short enough that a copy in somebody's log is
// of no use. What was begun goes on, and revocation waits for none of it. Docker's clients take
// less than a minute for a minute.
inline constexpr std::chrono::seconds kDefaultAccessLifetime{300};
inline constexpr std::chrono::seconds kMinAccessLifetime{60};
inline constexpr std::chrono::seconds kMaxAccessLifetime{86'400};
// By how much a client that counts from the answer's arrival, or another control centre's clock,
// may be off.
inline constexpr std::chrono::seconds kClockLeeway{30};

// A key file, and keys of RSA, whose checks take longer the longer they are.
inline constexpr size_t kMaxKeyBytes = 64 << 10;
inline constexpr int kMinRsaBits = 2'048;
inline constexpr int kMaxRsaBits = 8'192;
// One signature, what is signed, and what is around it.
inline constexpr size_t kMaxSignatureBytes = 2'048;
inline constexpr size_t kMaxSignedBytes = 1 << 20;
inline constexpr size_t kMaxBundleBytes = 4 << 20;
inline constexpr size_t kMaxBundleSignatures = 16;
// What is said besides the digest, and how much of it.
inline constexpr size_t kMaxSignedAnnotations = 256;

}  // namespace slipway::trust
