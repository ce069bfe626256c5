// Words and numbers for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/json.h"

namespace slipway::cli {

// Control characters, escape sequences among them, and broken UTF-8 become '?': what comes from a
// server must not steer the terminal. Line feeds stay only with `keep_lines`.
std::string Printable(std::string_view text, bool keep_lines = false);

// "905 B", "3.1 MB": powers of 1,000, as disks are sold.
std::string FormatBytes(uint64_t bytes);
// "12s", "5m", "3h", "8d" from then to now; "-" for a text that is no time.
std::string FormatAge(std::string_view rfc3339, Clock& clock);
// "sha256:" and 12 digits; other texts as they are.
std::string ShortDigest(std::string_view digest);

// The value at a JSON pointer ("/status/phase"), or the fallback if it is missing, an empty text or
// of another type: what a newer or older server answers must not end the program.
std::string TextAt(const Json& json, const char* pointer, std::string_view fallback = "");
int64_t NumberAt(const Json& json, const char* pointer, int64_t fallback = 0);
// Null if there is nothing.
const Json& At(const Json& json, const char* pointer);

}  // namespace slipway::cli
