#include "registry/byte_range.h"

#include <charconv>

namespace slipway::registry {
namespace {

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// Digits only, in 64 bits.
std::optional<uint64_t> Number(std::string_view text) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end || text.empty()) return std::nullopt;
  return value;
}

bool IsRangeText(std::string_view text) {
  return text.find_first_not_of("0123456789-") == std::string_view::npos;
}

}  // namespace

RangeAnswer ParseRange(std::string_view header, uint64_t size_bytes) {
  header = Trimmed(header);
  if (!header.starts_with("bytes=")) return {};
  const std::string_view range = Trimmed(header.substr(6));
  const size_t dash = range.find('-');
  if (dash == std::string_view::npos || !IsRangeText(range)) return {};
  const std::string_view first_text = range.substr(0, dash);
  const std::string_view last_text = range.substr(dash + 1);
  constexpr RangeAnswer kNone{RangeVerdict::kNotSatisfiable, {}};
  if (first_text.empty()) {
    const auto suffix = Number(last_text);
    if (!suffix) return {};
    if (*suffix == 0 || size_bytes == 0) return kNone;
    const uint64_t first = *suffix >= size_bytes ? 0 : size_bytes - *suffix;
    return {RangeVerdict::kPartial, {first, size_bytes - 1}};
  }
  const auto first = Number(first_text);
  if (!first) return {};
  if (*first >= size_bytes) return kNone;
  if (last_text.empty()) return {RangeVerdict::kPartial, {*first, size_bytes - 1}};
  const auto last = Number(last_text);
  if (!last) return {};
  if (*last < *first) return kNone;
  return {RangeVerdict::kPartial, {*first, *last >= size_bytes ? size_bytes - 1 : *last}};
}

std::optional<ByteRange> ParseUploadRange(std::string_view header) {
  header = Trimmed(header);
  for (const std::string_view unit : {"bytes ", "bytes="}) {
    if (header.starts_with(unit)) header = Trimmed(header.substr(unit.size()));
  }
  header = header.substr(0, header.find('/'));
  const size_t dash = header.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = Number(header.substr(0, dash));
  const auto last = Number(header.substr(dash + 1));
  if (!first || !last || *last < *first || *last == UINT64_MAX) return std::nullopt;
  return ByteRange{*first, *last};
}

}  // namespace slipway::registry
