// What a program's exit code says. docs/operations.md has the same table.
#pragma once

#include "base/error.h"

namespace slipway::cli {

inline constexpr int kExitUsage = 2;

// 1: fault of the program or the other end · 2: usage or invalid input · 3: not found · 4: exists
// already, or changed meanwhile · 5: not signed in, or not allowed · 6: the state does not allow
// it · 7: a limit or the disk · 8: unreachable · 9: took too long · 10: not supported · 130: ended
// by the user.
int ExitCodeOf(Code code);

}  // namespace slipway::cli
