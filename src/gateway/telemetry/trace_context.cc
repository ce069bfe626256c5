#include "gateway/telemetry/trace_context.h"

#include <algorithm>

namespace slipway::gateway {
namespace {

// 00-<32 hex>-<16 hex>-<2 hex>
constexpr size_t kVersion00Bytes = 55;
constexpr uint8_t kSampledFlag = 1;

std::optional<uint8_t> DigitOf(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

bool ReadHex(std::string_view text, std::span<uint8_t> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    const auto high = DigitOf(text[2 * i]);
    const auto low = DigitOf(text[2 * i + 1]);
    if (!high || !low) return false;
    out[i] = static_cast<uint8_t>(*high << 4 | *low);
  }
  return true;
}

bool IsZero(std::span<const uint8_t> bytes) {
  return std::ranges::all_of(bytes, [](uint8_t byte) { return byte == 0; });
}

}  // namespace

std::optional<TraceContext> ParseTraceparent(std::string_view header) {
  if (header.size() < kVersion00Bytes) return std::nullopt;
  if (header[2] != '-' || header[35] != '-' || header[52] != '-') return std::nullopt;
  std::array<uint8_t, 1> version{};
  std::array<uint8_t, 1> flags{};
  TraceContext context;
  if (!ReadHex(header, version) || !ReadHex(header.substr(3), context.trace_id) ||
      !ReadHex(header.substr(36), context.span_id) || !ReadHex(header.substr(53), flags)) {
    return std::nullopt;
  }
  // Later versions may say more behind it; ff is none.
  const bool is_longer = header.size() > kVersion00Bytes;
  if (version[0] == 0xff || (version[0] == 0 && is_longer)) return std::nullopt;
  if (is_longer && header[kVersion00Bytes] != '-') return std::nullopt;
  if (IsZero(context.trace_id) || IsZero(context.span_id)) return std::nullopt;
  context.sampled = (flags[0] & kSampledFlag) != 0;
  return context;
}

std::string HexOf(std::span<const uint8_t> bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const uint8_t byte : bytes) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

std::string FormatTraceparent(const TraceContext& context) {
  return "00-" + HexOf(context.trace_id) + "-" + HexOf(context.span_id) +
         (context.sampled ? "-01" : "-00");
}

}  // namespace slipway::gateway
