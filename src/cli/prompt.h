// Questions to the person at the terminal, apart from standard input and output.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::cli {

enum class Echo : uint8_t { kShown, kHidden };

// One line from the terminal, which standard input need not be. FAILED_PRECONDITION /
// TERMINAL_MISSING where there is none; CANCELLED / INTERRUPTED after Ctrl-C, with the terminal as
// it was.
Result<std::string> Ask(std::string_view question, Echo echo);

}  // namespace slipway::cli
