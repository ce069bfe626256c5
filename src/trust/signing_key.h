// SigningKey: what signatures are made with.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "trust/public_key.h"

namespace slipway::trust {

// Asked for when a key is encrypted, and only then.
using PasswordSource = std::function<Result<std::string>()>;

// Immutable, thread-safe. Errors never tell what is in a key file.
class SigningKey {
 public:
  // A new one: ECDSA P-256, as cosign makes it.
  static SigningKey Generate();
  // PEM: cosign's encrypted keys (`ENCRYPTED SIGSTORE PRIVATE KEY`, `ENCRYPTED COSIGN PRIVATE
  // KEY`), and what OpenSSL writes: PKCS #8 with or without a password, PKCS #1, SEC 1. Of the
  // kinds that PublicKey has. INVALID_ARGUMENT / KEY_INVALID, UNAUTHENTICATED / PASSWORD_WRONG, and
  // what `password` answers.
  static Result<SigningKey> Parse(std::string_view pem, const PasswordSource& password);

  // As PublicKey::Verifies takes it: over SHA-256, Ed25519 pure. That is what `cosign verify --key`
  // reads of each kind of key.
  std::string Sign(std::string_view message) const;
  const PublicKey& public_key() const { return public_key_; }
  // For a file of mode 0600: PEM `ENCRYPTED SIGSTORE PRIVATE KEY`.
  std::string SealedPem(std::string_view password, Random& random) const;

 private:
  using Key = std::shared_ptr<evp_pkey_st>;
  SigningKey(Key key, PublicKey public_key)
      : key_(std::move(key)), public_key_(std::move(public_key)) {}

  Key key_;
  PublicKey public_key_;
};

}  // namespace slipway::trust
