#include "klever/upload/checksum.h"

#include "net/field.h"

namespace slipway::klever {
namespace {

constexpr size_t kSha256Bytes = 32;
constexpr std::string_view kAlgorithm = "sha-256=";

// Standard base64 of exactly 32 bytes, as lower-case hex; nothing for any other text.
std::optional<std::string> HexOfBase64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr std::string_view kHex = "0123456789abcdef";
  if (text.size() != 44 || text.back() != '=') return std::nullopt;
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text.substr(0, 43)) {
    const size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xff);
  }
  const bool has_rest = (bits & ((1U << count) - 1)) != 0;
  if (bytes.size() != kSha256Bytes || has_rest) return std::nullopt;
  std::string hex;
  for (const char c : bytes) {
    hex += kHex[static_cast<unsigned char>(c) >> 4];
    hex += kHex[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

Error Invalid(std::string_view header, const std::string& why) {
  return Error(Code::kInvalidArgument, "CHECKSUM_INVALID", std::string(header) + ": " + why + ".",
               {{"field", std::string(header)}});
}

Result<std::optional<Digest>> ReadField(const net::HttpRequest& request, std::string_view header) {
  const auto value = request.Header(header);
  if (!value) return std::optional<Digest>();
  auto digest = ParseDigestField(*value);
  if (!digest) return Invalid(header, digest.error().message());
  return digest;
}

Result<std::optional<Digest>> ReadHex(const net::HttpRequest& request, std::string_view header) {
  const auto value = request.Header(header);
  if (!value) return std::optional<Digest>();
  std::string text = "sha256:";
  for (const char c : net::Trimmed(*value))
    text += static_cast<char>(c >= 'A' && c <= 'F' ? c + 32 : c);
  auto digest = Digest::Parse(text);
  if (!digest) return Invalid(header, "it must be a SHA-256 as 64 hex digits");
  return std::optional(std::move(*digest));
}

}  // namespace

Result<std::optional<Digest>> ParseDigestField(std::string_view field) {
  while (!field.empty()) {
    const size_t comma = field.find(',');
    std::string_view member = net::Trimmed(field.substr(0, comma));
    field = comma == std::string_view::npos ? std::string_view() : field.substr(comma + 1);
    if (member.size() < kAlgorithm.size() ||
        !net::EqualsIgnoringCase(member.substr(0, kAlgorithm.size()), kAlgorithm)) {
      continue;
    }
    member.remove_prefix(kAlgorithm.size());
    if (member.size() >= 2 && member.front() == ':' && member.back() == ':') {
      member = member.substr(1, member.size() - 2);
    }
    const auto hex = HexOfBase64(member);
    if (!hex) {
      return InvalidArgument("CHECKSUM_INVALID",
                             "after sha-256= must stand :BASE64: of the 32 bytes of a SHA-256");
    }
    TRY(digest, Digest::Parse("sha256:" + *hex));
    return std::optional(std::move(digest));
  }
  return std::optional<Digest>();
}

Result<StatedChecksums> ReadChecksums(const net::HttpRequest& request) {
  StatedChecksums stated;
  TRY(content, ReadField(request, "Content-Digest"));
  stated.content = std::move(content);
  TRY(repr, ReadField(request, "Repr-Digest"));
  TRY(old, ReadField(request, "Digest"));
  TRY(hex, ReadHex(request, "X-Checksum-Sha256"));
  for (const auto& digest : {repr, old, hex}) {
    if (!digest) continue;
    if (stated.file && *stated.file != *digest) {
      return InvalidArgument("CHECKSUM_INVALID",
                             "the headers Repr-Digest, Digest and X-Checksum-Sha256 state two "
                             "checksums of the file.");
    }
    stated.file = digest;
  }
  return stated;
}

Task<Result<size_t>> HashingBody::Read(char* out, size_t size) {
  CO_TRY(count, co_await body_.Read(out, size));
  hasher_.Update({out, count});
  co_return count;
}

Task<Result<std::string>> HashingBody::ReadAll(uint64_t limit_bytes) {
  CO_TRY(bytes, co_await body_.ReadAll(limit_bytes));
  hasher_.Update(bytes);
  co_return bytes;
}

}  // namespace slipway::klever
