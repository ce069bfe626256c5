// Paths inside of a package: relative, with slashes, and never out of their folder.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::model {

// What files that are still on their way end in: no file of a package does.
inline constexpr std::string_view kPartialSuffix = ".slipway-partial";

// INVALID_ARGUMENT / PATH_INVALID unless the path is relative, of at most kMaxPathDepth components
// that are neither empty nor `.` nor `..` and do not end in kPartialSuffix, in UTF-8 without
// control characters or backslashes, and within the limits of model/limits.h.
Result<void> CheckPath(std::string_view path);

// The same after `./` is taken off its front: what other tools write.
Result<std::string> NormalizePath(std::string_view path);

// For messages: at most 200 bytes of it, control characters and bytes that are no UTF-8 as \xHH.
std::string ShownPath(std::string_view path);

}  // namespace slipway::model
