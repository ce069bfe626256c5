// The text of a row's key, made of its parts.
#pragma once

#include <string>
#include <string_view>

namespace slipway::registry {

// The parts side by side, in one allocation: every request of the registry makes some.
template <class... Parts>
std::string Join(const Parts&... parts) {
  const std::string_view texts[] = {parts...};
  size_t size = 0;
  for (const std::string_view text : texts) size += text.size();
  std::string out;
  out.reserve(size);
  for (const std::string_view text : texts) out += text;
  return out;
}

}  // namespace slipway::registry
