// Tokens as text: slw_<id>_<secret>.
#include <array>
#include <span>

#include "base/digest.h"
#include "trust/access.h"

namespace slipway::trust {
namespace {

constexpr size_t kIdBytes = 6;       // 12 hex digits
constexpr size_t kSecretBytes = 32;  // 256 bits

// RFC 4648, without padding, in lower case.
std::string Base32(std::span<const std::byte> bytes) {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
  std::string out;
  uint32_t buffer = 0;
  int bits = 0;
  for (std::byte byte : bytes) {
    buffer = (buffer << 8) | static_cast<uint32_t>(byte);
    for (bits += 8; bits >= 5; bits -= 5) out.push_back(kAlphabet[(buffer >> (bits - 5)) & 31]);
  }
  if (bits > 0) out.push_back(kAlphabet[(buffer << (5 - bits)) & 31]);
  return out;
}

}  // namespace

NewToken MakeToken(Random& random) {
  std::array<std::byte, kSecretBytes> secret;
  random.Fill(secret);
  NewToken token;
  token.id = RandomHexId(random).substr(0, 2 * kIdBytes);
  token.text = "slw_" + token.id + "_" + Base32(secret);
  token.secret_sha256 = HashToken(token.text);
  return token;
}

std::string HashToken(std::string_view text) {
  return std::string(Digest::Of(text).hex());
}

std::optional<std::string> TokenId(std::string_view text) {
  constexpr std::string_view kPrefix = "slw_";
  constexpr size_t kIdEnd = kPrefix.size() + 2 * kIdBytes;
  if (!text.starts_with(kPrefix) || text.size() <= kIdEnd + 1 || text[kIdEnd] != '_') return {};
  std::string_view id = text.substr(kPrefix.size(), 2 * kIdBytes);
  if (id.find_first_not_of("0123456789abcdef") != std::string_view::npos) return {};
  return std::string(id);
}

}  // namespace slipway::trust
