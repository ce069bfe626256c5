#include "base/utf8.h"

#include <cstdint>

namespace slipway {
namespace {

// Length of the well-formed character at the start of `text`, 0 if there is none.
size_t CharacterLength(std::string_view text) {
  auto byte = [&](size_t i) -> uint8_t {
    return i < text.size() ? static_cast<uint8_t>(text[i]) : 0;
  };
  auto in = [](uint8_t value, uint8_t low, uint8_t high) { return value >= low && value <= high; };
  auto tail = [&](size_t i) { return in(byte(i), 0x80, 0xBF); };
  uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (in(lead, 0xC2, 0xDF)) return tail(1) ? 2 : 0;
  if (in(lead, 0xE0, 0xEF)) {
    uint8_t low = lead == 0xE0 ? 0xA0 : 0x80;
    uint8_t high = lead == 0xED ? 0x9F : 0xBF;
    return in(byte(1), low, high) && tail(2) ? 3 : 0;
  }
  if (in(lead, 0xF0, 0xF4)) {
    uint8_t low = lead == 0xF0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xF4 ? 0x8F : 0xBF;
    return in(byte(1), low, high) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::optional<size_t> FindInvalidUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    size_t length = CharacterLength(text.substr(i));
    if (length == 0) return i;
    i += length;
  }
  return {};
}

}  // namespace slipway
