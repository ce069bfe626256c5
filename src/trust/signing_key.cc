#include "trust/signing_key.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/check.h"
#include "trust/limits.h"
#include "trust/sealed_key.h"

namespace slipway::trust {
namespace {

constexpr std::string_view kSigstoreKey = "ENCRYPTED SIGSTORE PRIVATE KEY";
constexpr std::string_view kCosignKey = "ENCRYPTED COSIGN PRIVATE KEY";

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Bio = std::unique_ptr<BIO, Free>;

Bio ReaderOf(std::string_view bytes) {
  Bio bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  CHECK(bio != nullptr);
  return bio;
}

Error Invalid(std::string_view what) {
  return InvalidArgument("KEY_INVALID", std::string(what));
}

// The sealed JSON of a key file of cosign's; nothing for another file.
std::optional<std::string> SealedOf(std::string_view pem) {
  if (pem.find(kSigstoreKey) == std::string_view::npos &&
      pem.find(kCosignKey) == std::string_view::npos) {
    return {};
  }
  const Bio in = ReaderOf(pem);
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  if (PEM_read_bio(in.get(), &name, &header, &data, &size) != 1) return std::string();
  std::string sealed(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
  const bool is_key = name == kSigstoreKey || name == kCosignKey;
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_free(data);
  return is_key ? sealed : std::string();
}

// What OpenSSL calls back for the password of a PKCS #8 file.
struct Asked {
  const PasswordSource& source;
  std::optional<Error> error;
  bool was_asked = false;
};

int AnswerPassword(char* out, int size, int, void* context) {
  auto& asked = *static_cast<Asked*>(context);
  asked.was_asked = true;
  auto password = asked.source();
  if (!password) {
    asked.error = password.error();
    return -1;
  }
  const size_t count = std::min(password->size(), static_cast<size_t>(size));
  std::memcpy(out, password->data(), count);
  Wipe(*password);
  return static_cast<int>(count);
}

Result<EVP_PKEY*> ReadPem(std::string_view pem, const PasswordSource& source) {
  const Bio in = ReaderOf(pem);
  Asked asked{.source = source, .error = {}, .was_asked = false};
  EVP_PKEY* key = PEM_read_bio_PrivateKey(in.get(), nullptr, &AnswerPassword, &asked);
  if (key != nullptr) return key;
  if (asked.error) return *asked.error;
  if (asked.was_asked) {
    return Unauthenticated("PASSWORD_WRONG",
                           "the private key does not open: the password is another one");
  }
  const bool is_public = pem.find("PUBLIC KEY-----") != std::string_view::npos;
  return Invalid(is_public ? "this is a public key: signing needs the private one (cosign.key)"
                           : "this is no private key in PEM");
}

Result<EVP_PKEY*> ReadSealed(const std::string& sealed, const PasswordSource& source) {
  TRY(password, source());
  auto opened = OpenSealedKey(sealed, password);
  Wipe(password);
  TRY(der, std::move(opened));
  const Bio in = ReaderOf(der);
  EVP_PKEY* key = d2i_PrivateKey_bio(in.get(), nullptr);
  Wipe(der);
  if (key == nullptr) return Invalid("what is encrypted in the file is no private key");
  return key;
}

}  // namespace

SigningKey SigningKey::Generate() {
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  CHECK(key != nullptr);
  return {key, PublicKey::Of(key.get()).value()};
}

Result<SigningKey> SigningKey::Parse(std::string_view pem, const PasswordSource& password) {
  if (pem.size() > kMaxKeyBytes) return Invalid("a key file of this size is none");
  const auto sealed = SealedOf(pem);
  if (sealed && sealed->empty()) return Invalid("the PEM of the private key is damaged");
  TRY(key, sealed ? ReadSealed(*sealed, password) : ReadPem(pem, password));
  const Key owned(key, EVP_PKEY_free);
  TRY(public_key, PublicKey::Of(key));
  return SigningKey(owned, std::move(public_key));
}

std::string SigningKey::Sign(std::string_view message) const {
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  CHECK(context != nullptr);
  const EVP_MD* digest =
      EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
  CHECK(EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_.get()) == 1);
  const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
  size_t size = 0;
  CHECK(EVP_DigestSign(context.get(), nullptr, &size, bytes, message.size()) == 1);
  std::string signature(size, '\0');
  CHECK(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       bytes, message.size()) == 1);
  signature.resize(size);
  return signature;
}

std::string SigningKey::SealedPem(std::string_view password, Random& random) const {
  const Bio plain(BIO_new(BIO_s_mem()));
  CHECK(plain != nullptr && i2d_PKCS8PrivateKey_bio(plain.get(), key_.get(), nullptr, nullptr, 0,
                                                    nullptr, nullptr) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(plain.get(), &data);
  const std::string sealed = SealKey({data, static_cast<size_t>(size)}, password, random);
  OPENSSL_cleanse(data, static_cast<size_t>(size));
  const Bio out(BIO_new(BIO_s_mem()));
  CHECK(out != nullptr && PEM_write_bio(out.get(), std::string(kSigstoreKey).c_str(), "",
                                        reinterpret_cast<const unsigned char*>(sealed.data()),
                                        static_cast<long>(sealed.size())) > 0);
  const long length = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<size_t>(length)};
}

}  // namespace slipway::trust
