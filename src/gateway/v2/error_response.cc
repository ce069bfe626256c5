#include "gateway/v2/error_response.h"

#include <optional>
#include <string>

#include "base/utf8.h"
#include "gateway/limits.h"
#include "gateway/v2/response_writer.h"

namespace slipway::gateway::v2 {
namespace {

// Reasons whose status is not that of their code.
int StatusOfReason(std::string_view reason) {
  if (reason == "METHOD_NOT_ALLOWED") return 405;
  if (reason == "BODY_TOO_LARGE") return 413;
  if (reason == "BODY_TIMEOUT") return 408;
  if (reason == "RUN_TIMEOUT") return 504;
  if (reason == "RATE_LIMITED" || reason == "CONCURRENCY_LIMITED") return 429;
  return 0;
}

std::string BodyOf(std::string_view text) {
  std::string body = "{\"error\":";
  WriteJsonString(Utf8Of(text), body);
  body += '}';
  return body;
}

}  // namespace

std::string Utf8Of(std::string_view text) {
  std::string out;
  while (const std::optional<size_t> bad = FindInvalidUtf8(text)) {
    out.append(text.substr(0, *bad)).append("\xef\xbf\xbd");
    text.remove_prefix(*bad + 1);
  }
  return out.append(text);
}

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
  net::HttpResponse response = net::HttpResponse::Json(StatusOf(error), BodyOf(text));
  if (response.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (const std::string_view wait = error.detail("retry_after_s"); !wait.empty()) {
    response.headers.emplace_back("Retry-After", std::string(wait));
  } else if (response.status == 503 && error.reason() != "MODEL_FAILED") {
    response.headers.emplace_back("Retry-After", std::to_string(kRetryAfter.count()));
  }
  if (const std::string_view allow = error.detail("allow"); !allow.empty()) {
    response.headers.emplace_back("Allow", std::string(allow));
  }
  return response;
}

net::HttpResponse RefusalResponse(const Error& error) {
  net::HttpResponse problem = net::ProblemResponse(error);
  net::HttpResponse response = net::HttpResponse::Json(problem.status, BodyOf(error.message()));
  response.headers = std::move(problem.headers);
  return response;
}

}  // namespace slipway::gateway::v2
