// Digest: content addresses as OCI writes them (image-spec, descriptor.md#digests).
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway {

enum class DigestAlgorithm : uint8_t { kSha256, kSha512 };

// `sha256:` and 64, or `sha512:` and 128 lower-case hex digits. A value of this type is well
// formed; whether such content exists is another question.
class Digest {
 public:
  // DIGEST_INVALID names what is wrong (unknown algorithm, length, character).
  static Result<Digest> Parse(std::string_view text);
  static Digest Of(std::string_view content, DigestAlgorithm algorithm = DigestAlgorithm::kSha256);

  DigestAlgorithm algorithm() const { return algorithm_; }
  std::string_view hex() const { return std::string_view(text_).substr(7); }
  // With the algorithm: "sha256:ab12...".
  const std::string& text() const { return text_; }

  auto operator<=>(const Digest& other) const { return text_ <=> other.text_; }
  bool operator==(const Digest& other) const { return text_ == other.text_; }

 private:
  friend class Hasher;
  Digest(DigestAlgorithm algorithm, std::string text)
      : algorithm_(algorithm), text_(std::move(text)) {}

  DigestAlgorithm algorithm_;
  std::string text_;
};

// Incremental hashing; not thread-safe. Finish may be called once.
class Hasher {
 public:
  explicit Hasher(DigestAlgorithm algorithm = DigestAlgorithm::kSha256);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void Update(std::string_view bytes);
  Digest Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway

template <>
struct std::hash<slipway::Digest> {
  size_t operator()(const slipway::Digest& digest) const noexcept {
    return std::hash<std::string>()(digest.text());
  }
};
