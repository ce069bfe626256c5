#include "cli/text.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/utf8.h"

namespace slipway::cli {
namespace {

// Length of the UTF-8 sequence that begins with this byte of well-formed text.
size_t SequenceLength(char lead) {
  auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// C0, DEL, C1, and the marks that turn the direction of writing.
bool IsControl(std::string_view sequence) {
  auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return first < 0x20 || first == 0x7F;
  if (sequence.size() == 2) return first == 0xC2 && static_cast<unsigned char>(sequence[1]) < 0xA0;
  auto within = [&](std::string_view low, std::string_view high) {
    return sequence.size() == 3 && sequence >= low && sequence <= high;
  };
  return within("\u200E", "\u200F") || within("\u2028", "\u202E") || within("\u2066", "\u2069");
}

}  // namespace

std::string Printable(std::string_view text, bool keep_lines) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    size_t valid = FindInvalidUtf8(text).value_or(text.size());
    for (size_t i = 0; i < valid;) {
      std::string_view sequence = text.substr(i, SequenceLength(text[i]));
      bool kept = !IsControl(sequence) || (keep_lines && (sequence == "\n" || sequence == "\t"));
      out += kept ? sequence : "?";
      i += sequence.size();
    }
    if (valid < text.size()) out += '?';
    text.remove_prefix(std::min(valid + 1, text.size()));
  }
  return out;
}

std::string FormatBytes(uint64_t bytes) {
  static constexpr std::array<std::string_view, 6> kUnits = {"kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1000;
  size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string FormatAge(std::string_view rfc3339, Clock& clock) {
  Result<WallTime> then = ParseRfc3339(rfc3339);
  if (!then) return "-";
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(clock.Wall() - *then).count();
  if (seconds < 0) seconds = 0;
  if (seconds < 120) return fmt::format("{}s", seconds);
  if (seconds < 7'200) return fmt::format("{}m", seconds / 60);
  if (seconds < 172'800) return fmt::format("{}h", seconds / 3'600);
  return fmt::format("{}d", seconds / 86'400);
}

std::string ShortDigest(std::string_view digest) {
  size_t colon = digest.find(':');
  if (colon == std::string_view::npos) return std::string(digest);
  return std::string(digest.substr(0, colon + 13));
}

const Json& At(const Json& json, const char* pointer) {
  static const Json kNothing;
  Json::json_pointer path(pointer);
  return json.contains(path) ? json.at(path) : kNothing;
}

std::string TextAt(const Json& json, const char* pointer, std::string_view fallback) {
  const Json& value = At(json, pointer);
  std::string text = value.is_string() ? value.get<std::string>() : std::string();
  return text.empty() ? std::string(fallback) : text;
}

int64_t NumberAt(const Json& json, const char* pointer, int64_t fallback) {
  const Json& value = At(json, pointer);
  return value.is_number_integer() ? value.get<int64_t>() : fallback;
}

}  // namespace slipway::cli
