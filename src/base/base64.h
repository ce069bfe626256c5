// Base64 (RFC 4648): section 4, and for URLs section 5.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway {

// With padding, in one line.
std::string Base64(std::string_view bytes);
// With or without padding; nothing for another text.
std::optional<std::string> FromBase64(std::string_view text);
// The one text that Base64 makes of some bytes; nothing for all others. For what is signed or
// compared: two texts never mean the same bytes.
std::optional<std::string> FromCanonicalBase64(std::string_view text);

// With '-' and '_', without padding: JWS and the like.
std::string Base64Url(std::string_view bytes);
// The one text that Base64Url makes of some bytes; nothing for all others.
std::optional<std::string> FromCanonicalBase64Url(std::string_view text);

}  // namespace slipway
