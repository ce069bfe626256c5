// Result<T>: a value or an Error, and the four macros that pass an error on.
//
//   TRY(blob, store.Find(digest));          // declares `blob`, or returns the error
//   TRY_VOID(file.Sync());                  // the same for Result<void>
//   CO_TRY(page, co_await store.List(...)); // in a coroutine: declares, or co_returns the error
//   CO_TRY_VOID(co_await writer.Close());
//
// The macros are several statements: never the body of an `if` without braces.
#pragma once

#include <string>
#include <utility>

#include <boost/system/result.hpp>

#include "base/check.h"
#include "base/error.h"

namespace slipway {

template <class T = void>
using Result = boost::system::result<T, Error>;

// Found by boost::system::result when value() is called on an error: a broken invariant.
[[noreturn]] inline void throw_exception_from_error(const Error& error,
                                                    const boost::source_location& where) {
  CheckFailed(where.file_name(), static_cast<int>(where.line()), "result has a value",
              error.ToString());
}

}  // namespace slipway

#define SLIPWAY_CONCAT_INNER(a, b) a##b
#define SLIPWAY_CONCAT(a, b) SLIPWAY_CONCAT_INNER(a, b)

#define SLIPWAY_TRY(name, temporary, leave, ...)       \
  auto temporary = (__VA_ARGS__);                      \
  if (!temporary.has_value()) leave temporary.error(); \
  auto name = std::move(temporary).value()

#define TRY(name, ...) SLIPWAY_TRY(name, SLIPWAY_CONCAT(try_, __LINE__), return, __VA_ARGS__)
#define CO_TRY(name, ...) SLIPWAY_TRY(name, SLIPWAY_CONCAT(try_, __LINE__), co_return, __VA_ARGS__)

#define SLIPWAY_TRY_VOID(leave, ...)                   \
  do {                                                 \
    auto try_void = (__VA_ARGS__);                     \
    if (!try_void.has_value()) leave try_void.error(); \
  } while (false)

#define TRY_VOID(...) SLIPWAY_TRY_VOID(return, __VA_ARGS__)
#define CO_TRY_VOID(...) SLIPWAY_TRY_VOID(co_return, __VA_ARGS__)
