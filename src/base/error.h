// Error: what every fallible function of Slipway answers when it fails.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

// The canonical codes, with the numbers of gRPC (google.rpc.Code). OK has no place here: success is
// a Result with a value.
enum class Code {
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// "INVALID_ARGUMENT" and so on, as gRPC spells it.
std::string_view CodeName(Code code);

// An immutable value, cheap to copy (one shared pointer). `reason` is a stable constant of the
// module that made it (`MANIFEST_UNKNOWN`); `message` is a sentence for a person that says what to
// do next; `details` are named facts for programs, among them "field" (a path such as
// `spec.traffic.split[1].weight`). Secrets never appear in any of them.
class Error {
 public:
  using Details = std::vector<std::pair<std::string, std::string>>;

  // UNKNOWN / NO_ERROR: what Result::error() answers for a success (Boost 1.81 wants the type to
  // have a default). Nothing else makes one.
  Error();
  Error(Code code, std::string_view reason, std::string message, Details details = {});

  Code code() const { return body_->code; }
  std::string_view reason() const { return body_->reason; }
  const std::string& message() const { return body_->message; }
  const Details& details() const { return body_->details; }
  // The value of a detail, empty if there is none of that name.
  std::string_view detail(std::string_view name) const;
  // The error that caused this one; nullptr if there is none. For the log, not for callers outside.
  const Error* cause() const { return body_->cause.get(); }

  // The same error with one more detail, with a cause, or with words before its message.
  [[nodiscard]] Error With(std::string_view detail_name, std::string value) const;
  [[nodiscard]] Error CausedBy(Error cause) const;
  [[nodiscard]] Error Prefixed(std::string_view words) const;

  // "INVALID_ARGUMENT FIELD_UNKNOWN: message (field=...): cause": for logs and test failures.
  std::string ToString() const;

 private:
  struct Body {
    Code code;
    std::string reason;
    std::string message;
    Details details;
    std::shared_ptr<const Error> cause;
  };
  explicit Error(std::shared_ptr<const Body> body) : body_(std::move(body)) {}

  std::shared_ptr<const Body> body_;
};

// Shorthands for the codes that are made most.
Error InvalidArgument(std::string_view reason, std::string message);
Error NotFound(std::string_view reason, std::string message);
Error AlreadyExists(std::string_view reason, std::string message);
Error FailedPrecondition(std::string_view reason, std::string message);
Error PermissionDenied(std::string_view reason, std::string message);
Error Unauthenticated(std::string_view reason, std::string message);
Error ResourceExhausted(std::string_view reason, std::string message);
Error Unavailable(std::string_view reason, std::string message);
Error Unimplemented(std::string_view reason, std::string message);
Error Internal(std::string_view reason, std::string message);
Error DataLoss(std::string_view reason, std::string message);

// The error of a failed system call: code from errno (RESOURCE_EXHAUSTED: ENOSPC, EDQUOT
// `DISK_FULL`, EFBIG `FILE_SIZE_LIMIT`, EMFILE, ENFILE `TOO_MANY_FILES`; ENOENT NOT_FOUND /
// `FILE_NOT_FOUND`, EEXIST ALREADY_EXISTS / `FILE_EXISTS`, ENOTDIR and EISDIR FAILED_PRECONDITION /
// `FILE_TYPE`, EACCES, EPERM and EROFS PERMISSION_DENIED / `FILE_ACCESS`, EADDRINUSE
// FAILED_PRECONDITION / `ADDRESS_IN_USE`, others INTERNAL / `SYSTEM`), message "WHAT: strerror".
Error SystemError(int error_number, std::string_view what);

}  // namespace slipway
