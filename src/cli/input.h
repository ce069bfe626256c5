// Files that the user names; "-" is standard input.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace slipway::cli {

// FAILED_PRECONDITION / FILE_TOO_LARGE above the limit.
Result<std::string> ReadInput(const std::string& path, uint64_t limit_bytes);

// The path from the root: what the user typed, seen from the current folder.
std::string AbsolutePath(const std::string& path);

}  // namespace slipway::cli
