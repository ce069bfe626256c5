#include "gateway/v2/error_response.h"

#include <string>

#include "gateway/limits.h"
#include "gateway/v2/response_writer.h"

namespace slipway::gateway::v2 {
namespace {

// Reasons whose status is not that of their code.
int StatusOfReason(std::string_view reason) {
  if (reason == "METHOD_NOT_ALLOWED") return 405;
  if (reason == "BODY_TOO_LARGE") return 413;
  if (reason == "BODY_TIMEOUT") return 408;
  return 0;
}

}  // namespace

int StatusOf(const Error& error) {
  if (const int status = StatusOfReason(error.reason()); status != 0) return status;
  switch (error.code()) {
    case Code::kInvalidArgument:
    case Code::kOutOfRange:
    case Code::kFailedPrecondition:
    case Code::kAlreadyExists:
    case Code::kCancelled:
      return 400;
    case Code::kUnauthenticated:
      return 401;
    case Code::kPermissionDenied:
      return 403;
    case Code::kNotFound:
      return 404;
    case Code::kAborted:
      return 409;
    case Code::kUnknown:
    case Code::kInternal:
    case Code::kDataLoss:
      return 500;
    case Code::kUnimplemented:
      return 501;
    // What a client may try again: Triton says UNAVAILABLE when a request waited too long.
    case Code::kDeadlineExceeded:
    case Code::kResourceExhausted:
    case Code::kUnavailable:
      return 503;
  }
  return 500;
}

net::HttpResponse ErrorResponse(const Error& error) {
  // Triton's own words for what its router says.
  std::string_view text = error.message();
  if (error.reason() == "ROUTE_UNKNOWN") text = "Not Found";
  if (error.reason() == "METHOD_NOT_ALLOWED") text = "Method Not Allowed";
  std::string body = "{\"error\":";
  WriteJsonString(text, body);
  body += '}';
  net::HttpResponse response = net::HttpResponse::Json(StatusOf(error), std::move(body));
  if (response.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (response.status == 503) {
    response.headers.emplace_back("Retry-After", std::to_string(kRetryAfter.count()));
  }
  if (const std::string_view allow = error.detail("allow"); !allow.empty()) {
    response.headers.emplace_back("Allow", std::string(allow));
  }
  return response;
}

}  // namespace slipway::gateway::v2
