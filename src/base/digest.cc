#include "base/digest.h"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/evp.h>

#include "base/check.h"

namespace slipway {
namespace {

struct AlgorithmInfo {
  DigestAlgorithm algorithm;
  std::string_view prefix;
  size_t hex_digits;
};
constexpr AlgorithmInfo kAlgorithms[] = {
    {DigestAlgorithm::kSha256, "sha256:", 64},
    {DigestAlgorithm::kSha512, "sha512:", 128},
};

const AlgorithmInfo& InfoOf(DigestAlgorithm algorithm) {
  return kAlgorithms[static_cast<size_t>(algorithm)];
}

// Fetched once: an implicit fetch at each start costs more than hashing a small manifest.
const EVP_MD* Implementation(DigestAlgorithm algorithm) {
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  static const EVP_MD* const sha512 = EVP_MD_fetch(nullptr, "SHA512", nullptr);
  return algorithm == DigestAlgorithm::kSha256 ? sha256 : sha512;
}

// Ends the context's digest: its text.
std::string FinishedText(EVP_MD_CTX* context, DigestAlgorithm algorithm) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  CHECK(EVP_DigestFinal_ex(context, bytes.data(), &size) == 1);
  static constexpr char kHexDigits[] = "0123456789abcdef";
  const std::string_view prefix = InfoOf(algorithm).prefix;
  std::string text(prefix.size() + size_t{size} * 2, '\0');
  char* out = std::ranges::copy(prefix, text.data()).out;
  for (unsigned i = 0; i < size; ++i) {
    *out++ = kHexDigits[bytes[i] >> 4];
    *out++ = kHexDigits[bytes[i] & 15];
  }
  return text;
}

bool IsLowerHex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

Error InvalidDigest(std::string message) {
  return InvalidArgument("DIGEST_INVALID", "digest: " + std::move(message));
}

}  // namespace

Result<Digest> Digest::Parse(std::string_view text) {
  for (const AlgorithmInfo& info : kAlgorithms) {
    if (!text.starts_with(info.prefix)) continue;
    const std::string_view hex = text.substr(info.prefix.size());
    if (hex.size() != info.hex_digits) {
      return InvalidDigest(std::string(info.prefix) + " takes " + std::to_string(info.hex_digits) +
                           " hex digits, got " + std::to_string(hex.size()));
    }
    for (size_t i = 0; i < hex.size(); ++i) {
      if (IsLowerHex(hex[i])) continue;
      return InvalidDigest("byte " + std::to_string(info.prefix.size() + i) +
                           " is no lower-case hex digit");
    }
    return Digest(info.algorithm, std::string(text));
  }
  return InvalidDigest("it begins with sha256: or sha512:");
}

Digest Digest::Of(std::string_view content, DigestAlgorithm algorithm) {
  // Of its own for each thread: making one costs as much as hashing a token.
  thread_local const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                                &EVP_MD_CTX_free);
  CHECK(context != nullptr);
  CHECK(EVP_DigestInit_ex2(context.get(), Implementation(algorithm), nullptr) == 1);
  CHECK(EVP_DigestUpdate(context.get(), content.data(), content.size()) == 1);
  return Digest(algorithm, FinishedText(context.get(), algorithm));
}

struct Hasher::State {
  DigestAlgorithm algorithm;
  EVP_MD_CTX* context;

  explicit State(DigestAlgorithm chosen) : algorithm(chosen), context(EVP_MD_CTX_new()) {
    CHECK(context != nullptr);
    CHECK(EVP_DigestInit_ex2(context, Implementation(chosen), nullptr) == 1);
  }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Hasher::Hasher(DigestAlgorithm algorithm) : state_(std::make_unique<State>(algorithm)) {}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::Update(std::string_view bytes) {
  CHECK_NOTE(state_ != nullptr, "the hasher is finished");
  CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

Digest Hasher::Finish() {
  CHECK_NOTE(state_ != nullptr, "the hasher is finished");
  const DigestAlgorithm algorithm = state_->algorithm;
  std::string text = FinishedText(state_->context, algorithm);
  state_.reset();
  return Digest(algorithm, std::move(text));
}

}  // namespace slipway
