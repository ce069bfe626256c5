// UTF-8: checking text from outside.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace slipway {

// Offset of the first byte that is not part of well-formed UTF-8 (RFC 3629: no overlong forms, no
// surrogates, nothing above U+10FFFF), or nothing.
std::optional<size_t> FindInvalidUtf8(std::string_view text);

}  // namespace slipway
