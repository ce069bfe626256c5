#include "trust/public_key.h"

#include <sodium.h>

#include <array>
#include <cstring>
#include <vector>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "base/base64.h"
#include "base/check.h"
#include "trust/limits.h"

namespace slipway::trust {
namespace {

constexpr size_t kEd25519KeyBytes = 32;
constexpr size_t kEd25519SignatureBytes = 64;

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Error Invalid(std::string_view what) {
  return InvalidArgument("KEY_INVALID", std::string(what));
}

std::string CurveOf(EVP_PKEY* key) {
  std::array<char, 64> name{};
  size_t size = 0;
  if (EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) != 1) return {};
  return {name.data(), size};
}

// Empty: of a kind that is not taken.
std::string AlgorithmOf(EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_EC: {
      const std::string curve = CurveOf(key);
      if (curve == "prime256v1") return "ECDSA P-256";
      if (curve == "secp384r1") return "ECDSA P-384";
      if (curve == "secp521r1") return "ECDSA P-521";
      return {};
    }
    case EVP_PKEY_ED25519:
      return "Ed25519";
    case EVP_PKEY_RSA: {
      const int bits = EVP_PKEY_get_bits(key);
      if (bits < kMinRsaBits || bits > kMaxRsaBits) return {};
      return "RSA " + std::to_string(bits);
    }
    default:
      return {};
  }
}

bool VerifiesWith(const EVP_MD* digest, EVP_PKEY* key, std::string_view message,
                  std::string_view signature) {
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  CHECK(context != nullptr);
  return EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(message),
                          message.size()) == 1;
}

// OpenSSL 3.0 does not know Ed25519ph (RFC 8032 section 5.1).
bool VerifiesPrehashed(EVP_PKEY* key, std::string_view message, std::string_view signature) {
  std::array<unsigned char, kEd25519KeyBytes> raw{};
  size_t size = raw.size();
  if (EVP_PKEY_get_raw_public_key(key, raw.data(), &size) != 1 || size != raw.size()) return false;
  crypto_sign_ed25519ph_state state;
  crypto_sign_ed25519ph_init(&state);
  crypto_sign_ed25519ph_update(&state, Bytes(message), message.size());
  return crypto_sign_ed25519ph_final_verify(&state, Bytes(signature), raw.data()) == 0;
}

}  // namespace

Result<PublicKey> PublicKey::Parse(std::string_view pem) {
  if (pem.size() > kMaxKeyBytes) return Invalid("a key file of this size is none");
  const std::unique_ptr<BIO, Free> in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  CHECK(in != nullptr);
  EVP_PKEY* key = PEM_read_bio_PUBKEY(in.get(), nullptr, nullptr, nullptr);
  if (key == nullptr) {
    const bool is_private = pem.find("PRIVATE KEY-----") != std::string_view::npos;
    return Invalid(is_private ? "this is a private key: give the public one (cosign.pub)"
                              : "this is no public key in PEM (-----BEGIN PUBLIC KEY-----)");
  }
  const Key owned(key, EVP_PKEY_free);
  std::array<char, 256> rest{};
  for (int size = 0; (size = BIO_read(in.get(), rest.data(), rest.size())) > 0;) {
    if (std::string_view(rest.data(), static_cast<size_t>(size)).find_first_not_of(" \t\r\n") !=
        std::string_view::npos) {
      return Invalid("there is more than one public key in the file; give each of them a file");
    }
  }
  return Of(key);
}

Result<PublicKey> PublicKey::Of(evp_pkey_st* key) {
  std::string algorithm = AlgorithmOf(key);
  if (algorithm.empty()) {
    return Invalid(
        "keys of this kind are not taken: ECDSA P-256, P-384 and P-521, Ed25519, and RSA of 2,048 "
        "to 8,192 bits are");
  }
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  CHECK(size > 0);
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(der, static_cast<size_t>(size), reinterpret_cast<unsigned char*>(hash.data()));
  OPENSSL_free(der);
  CHECK(EVP_PKEY_up_ref(key) == 1);
  return PublicKey(Key(key, EVP_PKEY_free), std::move(algorithm), Base64(hash));
}

bool PublicKey::Verifies(std::string_view message, std::string_view signature) const {
  if (signature.empty() || signature.size() > kMaxSignatureBytes) return false;
  EVP_PKEY* key = key_.get();
  if (algorithm_ == "Ed25519") {
    return signature.size() == kEd25519SignatureBytes &&
           (VerifiesWith(nullptr, key, message, signature) ||
            VerifiesPrehashed(key, message, signature));
  }
  if (VerifiesWith(EVP_sha256(), key, message, signature)) return true;
  if (algorithm_ == "ECDSA P-384") return VerifiesWith(EVP_sha384(), key, message, signature);
  if (algorithm_ == "ECDSA P-521") return VerifiesWith(EVP_sha512(), key, message, signature);
  return false;
}

std::string PublicKey::Pem() const {
  const std::unique_ptr<BIO, Free> out(BIO_new(BIO_s_mem()));
  CHECK(out != nullptr && PEM_write_bio_PUBKEY(out.get(), key_.get()) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<size_t>(size)};
}

}  // namespace slipway::trust
