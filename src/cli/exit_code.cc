#include "cli/exit_code.h"

#include "base/check.h"

namespace slipway::cli {

int ExitCodeOf(Code code) {
  switch (code) {
    case Code::kUnknown:
    case Code::kInternal:
    case Code::kDataLoss:
      return 1;
    case Code::kInvalidArgument:
    case Code::kOutOfRange:
      return kExitUsage;
    case Code::kNotFound:
      return 3;
    case Code::kAlreadyExists:
    case Code::kAborted:
      return 4;
    case Code::kPermissionDenied:
    case Code::kUnauthenticated:
      return 5;
    case Code::kFailedPrecondition:
      return 6;
    case Code::kResourceExhausted:
      return 7;
    case Code::kUnavailable:
      return 8;
    case Code::kDeadlineExceeded:
      return 9;
    case Code::kUnimplemented:
      return 10;
    case Code::kCancelled:
      return 130;
  }
  CheckFailed(__FILE__, __LINE__, "code is one of the canonical 16");
}

}  // namespace slipway::cli
