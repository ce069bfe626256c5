#include "base/error.h"

#include <cerrno>
#include <system_error>

namespace slipway {

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kCancelled:
      return "CANCELLED";
    case Code::kUnknown:
      return "UNKNOWN";
    case Code::kInvalidArgument:
      return "INVALID_ARGUMENT";
    case Code::kDeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    case Code::kNotFound:
      return "NOT_FOUND";
    case Code::kAlreadyExists:
      return "ALREADY_EXISTS";
    case Code::kPermissionDenied:
      return "PERMISSION_DENIED";
    case Code::kResourceExhausted:
      return "RESOURCE_EXHAUSTED";
    case Code::kFailedPrecondition:
      return "FAILED_PRECONDITION";
    case Code::kAborted:
      return "ABORTED";
    case Code::kOutOfRange:
      return "OUT_OF_RANGE";
    case Code::kUnimplemented:
      return "UNIMPLEMENTED";
    case Code::kInternal:
      return "INTERNAL";
    case Code::kUnavailable:
      return "UNAVAILABLE";
    case Code::kDataLoss:
      return "DATA_LOSS";
    case Code::kUnauthenticated:
      return "UNAUTHENTICATED";
  }
  return "UNKNOWN";
}

Error::Error() : Error(Code::kUnknown, "NO_ERROR", "there was no error") {}

Error::Error(Code code, std::string_view reason, std::string message, Details details)
    : body_(std::make_shared<const Body>(Body{.code = code,
                                              .reason = std::string(reason),
                                              .message = std::move(message),
                                              .details = std::move(details),
                                              .cause = nullptr})) {}

std::string_view Error::detail(std::string_view name) const {
  for (const auto& [key, value] : body_->details) {
    if (key == name) return value;
  }
  return {};
}

Error Error::With(std::string_view detail_name, std::string value) const {
  Body body = *body_;
  body.details.emplace_back(detail_name, std::move(value));
  return Error(std::make_shared<const Body>(std::move(body)));
}

Error Error::CausedBy(Error cause) const {
  Body body = *body_;
  body.cause = std::make_shared<const Error>(std::move(cause));
  return Error(std::make_shared<const Body>(std::move(body)));
}

Error Error::Prefixed(std::string_view words) const {
  Body body = *body_;
  body.message.insert(0, words);
  return Error(std::make_shared<const Body>(std::move(body)));
}

std::string Error::ToString() const {
  std::string text(CodeName(code()));
  text.append(" ").append(reason()).append(": ").append(message());
  if (!details().empty()) {
    text += " (";
    for (const auto& [key, value] : details()) {
      if (text.back() != '(') text += ", ";
      text.append(key).append("=").append(value);
    }
    text += ")";
  }
  if (cause() != nullptr) text.append(": ").append(cause()->ToString());
  return text;
}

Error InvalidArgument(std::string_view reason, std::string message) {
  return {Code::kInvalidArgument, reason, std::move(message)};
}
Error NotFound(std::string_view reason, std::string message) {
  return {Code::kNotFound, reason, std::move(message)};
}
Error AlreadyExists(std::string_view reason, std::string message) {
  return {Code::kAlreadyExists, reason, std::move(message)};
}
Error FailedPrecondition(std::string_view reason, std::string message) {
  return {Code::kFailedPrecondition, reason, std::move(message)};
}
Error PermissionDenied(std::string_view reason, std::string message) {
  return {Code::kPermissionDenied, reason, std::move(message)};
}
Error Unauthenticated(std::string_view reason, std::string message) {
  return {Code::kUnauthenticated, reason, std::move(message)};
}
Error ResourceExhausted(std::string_view reason, std::string message) {
  return {Code::kResourceExhausted, reason, std::move(message)};
}
Error Unavailable(std::string_view reason, std::string message) {
  return {Code::kUnavailable, reason, std::move(message)};
}
Error Unimplemented(std::string_view reason, std::string message) {
  return {Code::kUnimplemented, reason, std::move(message)};
}
Error Internal(std::string_view reason, std::string message) {
  return {Code::kInternal, reason, std::move(message)};
}
Error DataLoss(std::string_view reason, std::string message) {
  return {Code::kDataLoss, reason, std::move(message)};
}

Error SystemError(int error_number, std::string_view what) {
  std::string message(what);
  message.append(": ").append(std::generic_category().message(error_number));
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return ResourceExhausted("DISK_FULL", std::move(message));
    case EFBIG:
      return ResourceExhausted("FILE_SIZE_LIMIT", std::move(message));
    case EMFILE:
    case ENFILE:
      return ResourceExhausted("TOO_MANY_FILES", std::move(message));
    case ENOENT:
      return NotFound("FILE_NOT_FOUND", std::move(message));
    case EEXIST:
      return AlreadyExists("FILE_EXISTS", std::move(message));
    case ENOTDIR:
    case EISDIR:
      return FailedPrecondition("FILE_TYPE", std::move(message));
    case EACCES:
    case EPERM:
    case EROFS:
      return PermissionDenied("FILE_ACCESS", std::move(message));
    case EADDRINUSE:
      return FailedPrecondition("ADDRESS_IN_USE", std::move(message));
    default:
      return Internal("SYSTEM", std::move(message));
  }
}

}  // namespace slipway
