// SecretBox: encryption of small values at rest with a key that lies in a file of its own.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/random.h"
#include "base/result.h"

namespace slipway::trust {

// AES-256-GCM. What is sealed under one `label` opens only under the same, so that a row of the
// database cannot be put in the place of another. Thread-safe, immutable.
//
// Sealed form: one byte 0x01, 12 bytes of random nonce, the cipher text, 16 bytes of tag.
class SecretBox {
 public:
  static constexpr size_t kKeyBytes = 32;

  // Reads the key from `path`, or makes it (mode 0600, durable) if there is no such file.
  // FAILED_PRECONDITION / SECRET_KEY_EXPOSED if others may read the file, SECRET_KEY_INVALID if it
  // is not 32 bytes.
  static Result<std::unique_ptr<SecretBox>> Open(FileSystem& files, const std::string& path,
                                                 Random& random);
  SecretBox(const std::array<std::byte, kKeyBytes>& key, Random& random);
  ~SecretBox();  // wipes the key
  SecretBox(const SecretBox&) = delete;
  SecretBox& operator=(const SecretBox&) = delete;

  std::string Seal(std::string_view plain, std::string_view label) const;
  // DATA_LOSS / SECRET_UNREADABLE if it was sealed with another key or label, or was changed.
  Result<std::string> Open(std::string_view sealed, std::string_view label) const;

 private:
  std::array<std::byte, kKeyBytes> key_;
  Random& random_;
};

}  // namespace slipway::trust
