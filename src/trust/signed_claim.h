// SignedClaim: what a signature says about a manifest, in the two forms that cosign signs.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"

namespace slipway::trust {

struct SignedClaim {
  Digest digest;  // of the manifest that it is about
  // What the signer called it: HOST/REPOSITORY. It proves nothing: content may be moved, and its
  // name is not in its digest. Empty: not said.
  std::string identity;
  // What the signer added. Values that are no texts are kept as JSON.
  std::map<std::string, std::string> annotations;
};

// Red Hat's "simple signing" with cosign's type:
//
//   {"critical": {"identity": {"docker-reference": TEXT}, "image": {"docker-manifest-digest":
//   TEXT},
//                 "type": "cosign container image signature"}, "optional": {NAME: VALUE} | null}
std::string FormatClaim(const SignedClaim& claim);
// INVALID_ARGUMENT / CLAIM_INVALID names the member (detail "field"): missing, of another type or
// unknown. A member that nobody here understands could change what is said.
Result<SignedClaim> ParseClaim(std::string_view payload);

// An in-toto statement with one subject and cosign's predicate type for signatures:
//
//   {"_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"sha256": HEX},
//    "annotations": {NAME: VALUE}}], "predicateType": "https://sigstore.dev/cosign/sign/v1",
//    "predicate": {}}
std::string FormatStatement(const SignedClaim& claim);
// The same errors. STATEMENT_OTHER for a statement of another predicate type: an attestation.
Result<SignedClaim> ParseStatement(std::string_view payload);

}  // namespace slipway::trust
