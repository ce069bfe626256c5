// CHECK: a broken invariant ends the process. Input from outside never reaches one.
#pragma once

#include <string_view>

namespace slipway {

// Writes file, line, the condition and `note` to standard error and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              std::string_view note = {});

}  // namespace slipway

#define CHECK(condition)                             \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::slipway::CheckFailed(__FILE__, __LINE__, #condition))

#define CHECK_NOTE(condition, note)                  \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::slipway::CheckFailed(__FILE__, __LINE__, #condition, (note)))
