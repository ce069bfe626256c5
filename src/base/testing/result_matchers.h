// Matchers for Result: ASSERT_THAT(store.Put(...), IsOk()); EXPECT_THAT(Parse(x), IsError(code,
// reason)).
#pragma once

#include <ostream>
#include <string>

#include <gmock/gmock.h>

#include "base/result.h"

namespace slipway {

// Found by GoogleTest: Boost's own operator<< wants every value to be printable.
template <class T>
void PrintTo(const Result<T>& result, std::ostream* out) {
  if (!result) {
    *out << result.error().ToString();
  } else {
    *out << "a success";
  }
}

MATCHER(IsOk, "is a success") {
  if (arg.has_value()) return true;
  *result_listener << "which is " << arg.error().ToString();
  return false;
}

MATCHER_P2(IsError, code, reason,
           std::string("is the error ") + std::string(CodeName(code)) + " " + reason) {
  if (arg.has_value()) {
    *result_listener << "which is a success";
    return false;
  }
  *result_listener << "which is " << arg.error().ToString();
  return arg.error().code() == code && arg.error().reason() == reason;
}

}  // namespace slipway
