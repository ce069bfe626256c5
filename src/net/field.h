// What values of header fields are made of (RFC 9110 section 5.6).
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slipway::net {

// Without the spaces and tabs around it.
inline std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Digits only, in 64 bits.
inline std::optional<uint64_t> ParseWholeNumber(std::string_view text) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end || text.empty()) return std::nullopt;
  return value;
}

}  // namespace slipway::net
