#include "trust/secret_box.h"

#include <sys/stat.h>

#include <cstring>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/check.h"

namespace slipway::trust {
namespace {

constexpr char kVersion = 1;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr size_t kOverhead = 1 + kNonceBytes + kTagBytes;

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(std::string& text, size_t offset) {
  return reinterpret_cast<unsigned char*>(text.data()) + offset;
}

// Twins of tests have no descriptor, and no mode.
Result<void> CheckMode(File& file, const std::string& path) {
  struct stat info;
  if (file.descriptor() < 0 || ::fstat(file.descriptor(), &info) != 0) return {};
  if ((info.st_mode & 077) == 0) return {};
  return FailedPrecondition("SECRET_KEY_EXPOSED",
                            path +
                                " can be read by others: chmod 600 it, and replace the secrets "
                                "if anybody may have read it");
}

}  // namespace

Result<std::unique_ptr<SecretBox>> SecretBox::Open(FileSystem& files, const std::string& path,
                                                   Random& random) {
  std::array<std::byte, kKeyBytes> key;
  TRY(exists, files.Exists(path));
  if (!exists) {
    random.Fill(key);
    std::string_view content(reinterpret_cast<const char*>(key.data()), key.size());
    TRY_VOID(WriteFileDurably(files, path, content, 0600));
    return std::make_unique<SecretBox>(key, random);
  }
  TRY(file, files.Open(path, {}));
  TRY_VOID(CheckMode(*file, path));
  TRY(content, ReadWholeFile(files, path, kKeyBytes));
  if (content.size() != kKeyBytes) {
    return FailedPrecondition("SECRET_KEY_INVALID",
                              path +
                                  " is not a key of 32 bytes: restore it from a backup, or "
                                  "remove it and set all secrets again");
  }
  std::memcpy(key.data(), content.data(), kKeyBytes);
  OPENSSL_cleanse(content.data(), content.size());
  return std::make_unique<SecretBox>(key, random);
}

SecretBox::SecretBox(const std::array<std::byte, kKeyBytes>& key, Random& random)
    : key_(key), random_(random) {}

SecretBox::~SecretBox() {
  OPENSSL_cleanse(key_.data(), key_.size());
}

std::string SecretBox::Seal(std::string_view plain, std::string_view label) const {
  std::array<std::byte, kNonceBytes> nonce;
  random_.Fill(nonce);
  std::string sealed(kOverhead + plain.size(), '\0');
  sealed[0] = kVersion;
  std::memcpy(sealed.data() + 1, nonce.data(), kNonceBytes);

  Cipher cipher(EVP_CIPHER_CTX_new());
  CHECK(cipher != nullptr);
  int length = 0;
  size_t at = 1 + kNonceBytes;
  CHECK(EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr,
                           reinterpret_cast<const unsigned char*>(key_.data()),
                           Bytes(sealed, 1)) == 1);
  CHECK(EVP_EncryptUpdate(cipher.get(), nullptr, &length, Bytes(label),
                          static_cast<int>(label.size())) == 1);
  CHECK(EVP_EncryptUpdate(cipher.get(), Bytes(sealed, at), &length, Bytes(plain),
                          static_cast<int>(plain.size())) == 1);
  at += static_cast<size_t>(length);
  CHECK(EVP_EncryptFinal_ex(cipher.get(), Bytes(sealed, at), &length) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, Bytes(sealed, at)) == 1);
  return sealed;
}

Result<std::string> SecretBox::Open(std::string_view sealed, std::string_view label) const {
  Error unreadable(Code::kDataLoss, "SECRET_UNREADABLE",
                   "a stored secret cannot be decrypted: the key file is not the one it was made "
                   "with; set the secret again, or restore the key file");
  if (sealed.size() < kOverhead || sealed[0] != kVersion) return unreadable;
  std::string_view nonce = sealed.substr(1, kNonceBytes);
  std::string_view body = sealed.substr(1 + kNonceBytes, sealed.size() - kOverhead);
  std::string tag(sealed.substr(sealed.size() - kTagBytes));

  Cipher cipher(EVP_CIPHER_CTX_new());
  CHECK(cipher != nullptr);
  int length = 0;
  std::string plain(body.size(), '\0');
  CHECK(EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr,
                           reinterpret_cast<const unsigned char*>(key_.data()), Bytes(nonce)) == 1);
  CHECK(EVP_DecryptUpdate(cipher.get(), nullptr, &length, Bytes(label),
                          static_cast<int>(label.size())) == 1);
  CHECK(EVP_DecryptUpdate(cipher.get(), Bytes(plain, 0), &length, Bytes(body),
                          static_cast<int>(body.size())) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, Bytes(tag, 0)) == 1);
  unsigned char end[kTagBytes];
  if (EVP_DecryptFinal_ex(cipher.get(), end, &length) != 1) {
    OPENSSL_cleanse(plain.data(), plain.size());
    return unreadable;
  }
  return plain;
}

}  // namespace slipway::trust
