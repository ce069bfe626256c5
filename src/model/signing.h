// Signatures of manifests in a registry, as cosign makes and reads them with a key.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "oci/client.h"
#include "oci/reference.h"
#include "trust/public_key.h"
#include "trust/signed_claim.h"
#include "trust/signing_key.h"

namespace slipway::model {

// Where a signature is kept. A tag is what every cosign reads; it is enough for version 3 only
// where no bundle of another kind (an attestation) refers to the manifest, too.
enum class SignatureForm : uint8_t {
  kTag,     // a layer of the manifest tagged sha256-HEX.sig
  kBundle,  // a sigstore bundle in a manifest that refers to it
};
std::string_view NameOf(SignatureForm form);  // "tag", "bundle"

struct SignOptions {
  std::vector<SignatureForm> forms = {SignatureForm::kTag, SignatureForm::kBundle};
  std::string identity;  // HOST/REPOSITORY
  std::map<std::string, std::string> annotations;
};

struct Signed {
  Digest digest;                     // of what was signed
  std::vector<SignatureForm> added;  // the others were there already, of this key and words
};

// Blocking. The manifest must be there; what is signed is its digest. Signatures of others stay.
// Two who sign one manifest at the same moment may lose one of two entries under the tag: there is
// no way around it in the protocol.
Result<Signed> Sign(oci::Client& client, const oci::Reference& reference,
                    const trust::SigningKey& key, const SignOptions& options, Clock& clock);

struct VerifiedSignature {
  SignatureForm form;
  trust::SignedClaim claim;
};

struct Verified {
  Digest digest;
  std::vector<VerifiedSignature> signatures;  // at least one
};

// Blocking. Those signatures of the manifest that the key made over its digest, with each of these
// annotations. Errors: NOT_FOUND / MANIFEST_UNKNOWN; FAILED_PRECONDITION / SIGNATURE_MISSING: there
// are none at all; FAILED_PRECONDITION / SIGNATURE_INVALID: none of those that are there will do,
// with the reasons.
Result<Verified> Verify(oci::Client& client, const oci::Reference& reference,
                        const trust::PublicKey& key,
                        const std::map<std::string, std::string>& annotations);

}  // namespace slipway::model
