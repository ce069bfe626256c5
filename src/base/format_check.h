// Named formats of strings, as descriptions and path parameters use them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway {

//   name         [a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?
//   long-name    the same with at most 253 bytes: objects that the system makes
//   label-key    [prefix/]key as in Kubernetes: prefix a DNS name of at most 253 bytes, key 1 to 63
//   label-value  at most 63 bytes of letters, digits, '-', '_', '.', alphanumeric at both ends
//   digest       sha256: and 64, or sha512: and 128 lower-case hex digits
//   reference    [HOST/]NAME[:TAG][@DIGEST] of a model or image; one of tag and digest is there
//   repository   path components of OCI, at most 255 bytes
//   duration     "1h30m", "10s", "500ms": see ParseDuration
//   date-time    RFC 3339
//   uid          32 lower-case hex digits
//   file-path    a relative path without "." and ".." and empty parts
bool IsKnownFormat(std::string_view format);

// What is wrong with `value`, as words that follow "NAME: "; nothing if it is right. CHECKs that
// the format is known.
std::optional<std::string> FormatProblem(std::string_view format, std::string_view value);

// INVALID_ARGUMENT / FIELD_FORMAT, with `field` in message and detail.
Result<void> CheckFormat(std::string_view format, std::string_view value, std::string_view field);

// Parts of a number and a unit out of ms, s, m, h, d, in any order, added up: "1h30m". At most 10
// years. INVALID_ARGUMENT / DURATION_INVALID.
Result<std::chrono::milliseconds> ParseDuration(std::string_view text);

// `text` in double quotes with control bytes escaped, cut to 64 bytes with "...": for messages.
std::string Quoted(std::string_view text);

}  // namespace slipway
