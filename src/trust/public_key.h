// PublicKey: what signatures are checked with.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace slipway::trust {

// Immutable, cheap to copy, thread-safe. The key alone says how a signature is made, never what is
// signed or what came with it:
//
//   ECDSA P-256, P-384, P-521   DER, over SHA-256; of the larger ones also over SHA-384 and SHA-512
//   Ed25519                     pure, or with SHA-512 before it (Ed25519ph): cosign makes both
//   RSA, 2,048 to 8,192 bits    PKCS #1 v1.5 over SHA-256
class PublicKey {
 public:
  // PEM "PUBLIC KEY" (SubjectPublicKeyInfo), one and nothing after it. INVALID_ARGUMENT /
  // KEY_INVALID says what it is instead.
  static Result<PublicKey> Parse(std::string_view pem);
  // That of a private key; errors as above. Takes a reference of its own.
  static Result<PublicKey> Of(evp_pkey_st* key);

  // Whether this key's owner signed exactly the message. A malformed signature is a wrong one.
  bool Verifies(std::string_view message, std::string_view signature) const;

  // "ECDSA P-256" and so on.
  const std::string& algorithm() const { return algorithm_; }
  // Base64 of the SHA-256 of the key in DER: what sigstore's bundles call the hint.
  const std::string& fingerprint() const { return fingerprint_; }
  std::string Pem() const;

 private:
  using Key = std::shared_ptr<evp_pkey_st>;
  PublicKey(Key key, std::string algorithm, std::string fingerprint)
      : key_(std::move(key)),
        algorithm_(std::move(algorithm)),
        fingerprint_(std::move(fingerprint)) {}

  Key key_;
  std::string algorithm_;
  std::string fingerprint_;
};

}  // namespace slipway::trust
