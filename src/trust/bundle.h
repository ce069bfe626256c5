// Bundle: a signed statement in the file that sigstore keeps it in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::trust {

// A DSSE envelope (secure-systems-lab/dsse, protocol version 1) of in-toto's type.
struct Bundle {
  std::string payload;                  // the statement
  std::vector<std::string> signatures;  // each is of PreAuthEncoding(payload)
  std::string key_hint;                 // PublicKey::fingerprint of the signer, for finding it
};

inline constexpr std::string_view kBundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";

// What is signed instead of the payload: its type and length belong to it.
std::string PreAuthEncoding(std::string_view payload);

std::string FormatBundle(const Bundle& bundle);
// INVALID_ARGUMENT / BUNDLE_INVALID names the member (detail "field"). Certificates and entries of
// a transparency log are not read: who verifies has the key.
Result<Bundle> ParseBundle(std::string_view text);

}  // namespace slipway::trust
