// The form in which cosign keeps a private key: scrypt of a password, and NaCl's secretbox.
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"

namespace slipway::trust {

// JSON as secure-systems-lab's `encrypted` package writes it, which is what stands in the PEM of
// cosign's key files:
//
//   {"kdf": {"name": "scrypt", "params": {"N": 65536, "r": 8, "p": 1}, "salt": BASE64},
//    "cipher": {"name": "nacl/secretbox", "nonce": BASE64}, "ciphertext": BASE64}
std::string SealKey(std::string_view plain, std::string_view password, Random& random);

// INVALID_ARGUMENT / KEY_INVALID names the member that is wrong; scrypt's parameters are one of the
// three sets that exist, so that a file cannot ask for all memory. UNAUTHENTICATED / PASSWORD_WRONG
// if it does not open.
Result<std::string> OpenSealedKey(std::string_view json, std::string_view password);

// Overwrites what a text holds of a secret.
void Wipe(std::string& secret);

}  // namespace slipway::trust
