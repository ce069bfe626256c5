#include "net/http_message.h"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/json.h"
#include "net/field.h"
#include "net/http_status.h"
#include "net/query.h"

namespace slipway::net {
namespace {

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = Lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Reasons whose HTTP status is not that of their code.
constexpr std::array<std::pair<std::string_view, int>, 16> kStatusOfReason = {{
    {"BODY_TOO_LARGE", 413},
    {"BODY_TIMEOUT", 408},
    {"DISK_FULL", 507},
    {"EXPECTATION_UNKNOWN", 417},
    {"EXPIRED", 410},
    {"FILE_SIZE_LIMIT", 507},
    {"FILE_TOO_LARGE", 413},
    {"HEAD_TIMEOUT", 408},
    {"HEAD_TOO_LARGE", 431},
    {"HTTP_VERSION", 505},
    {"METHOD_NOT_ALLOWED", 405},
    {"OBJECT_TOO_LARGE", 413},
    {"RESOURCE_TOO_LARGE", 413},
    {"TOO_MANY_CONNECTIONS", 503},
    {"TOO_MANY_FILES", 503},
    {"VERSION_CONFLICT", 412},
}};

void AddHeaders(const Error& error, HttpResponse& response) {
  if (const std::string_view allow = error.detail("allow"); !allow.empty()) {
    response.headers.emplace_back("Allow", allow);
  }
  if (response.status == 401) {
    const std::string_view challenge = error.detail("challenge");
    response.headers.emplace_back("WWW-Authenticate",
                                  challenge.empty() ? "Bearer realm=\"slipway\"" : challenge);
  }
  const std::string_view retry_after = error.detail("retry_after_s");
  if (!retry_after.empty()) {
    response.headers.emplace_back("Retry-After", retry_after);
  } else if (response.status == 503 || response.status == 429) {
    response.headers.emplace_back("Retry-After", "1");
  }
}

}  // namespace

std::string_view MethodName(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kPatch:
      return "PATCH";
    case Method::kDelete:
      return "DELETE";
    case Method::kOptions:
      return "OPTIONS";
    case Method::kOther:
      return "OTHER";
  }
  return "OTHER";
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (Lower(a[i]) != Lower(b[i])) return false;
  }
  return true;
}

std::optional<std::string_view> HttpRequest::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (EqualsIgnoringCase(key, name)) return value;
  }
  return std::nullopt;
}

std::vector<std::string_view> HttpRequest::HeaderList(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : headers) {
    if (!EqualsIgnoringCase(key, name)) continue;
    std::string_view rest = value;
    while (true) {
      const size_t comma = rest.find(',');
      const std::string_view item = Trimmed(rest.substr(0, comma));
      if (!item.empty()) values.push_back(item);
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return values;
}

const std::string& HttpRequest::Parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  CheckFailed(__FILE__, __LINE__, "the route has the parameter", name);
}

std::optional<std::string> HttpRequest::Query(std::string_view name) const {
  for (auto& [key, value] : ParseQuery(query)) {
    if (key == name) return std::move(value);
  }
  return std::nullopt;
}

std::vector<std::string> HttpRequest::QueryAll(std::string_view name) const {
  std::vector<std::string> all;
  for (auto& [key, value] : ParseQuery(query)) {
    if (key == name) all.push_back(std::move(value));
  }
  return all;
}

HttpResponse HttpResponse::Json(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(body);
  return response;
}

HttpResponse HttpResponse::Text(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(body);
  return response;
}

HttpResponse HttpResponse::Empty(int status) {
  HttpResponse response;
  response.status = status;
  return response;
}

int HttpStatus(Code code) {
  switch (code) {
    case Code::kCancelled:
      return 499;
    case Code::kUnknown:
      return 500;
    case Code::kInvalidArgument:
      return 400;
    case Code::kDeadlineExceeded:
      return 504;
    case Code::kNotFound:
      return 404;
    case Code::kAlreadyExists:
      return 409;
    case Code::kPermissionDenied:
      return 403;
    case Code::kResourceExhausted:
      return 429;
    case Code::kFailedPrecondition:
      return 409;
    case Code::kAborted:
      return 409;
    case Code::kOutOfRange:
      return 400;
    case Code::kUnimplemented:
      return 501;
    case Code::kInternal:
      return 500;
    case Code::kUnavailable:
      return 503;
    case Code::kDataLoss:
      return 500;
    case Code::kUnauthenticated:
      return 401;
  }
  return 500;
}

int HttpStatus(const Error& error) {
  for (const auto& [reason, status] : kStatusOfReason) {
    if (error.reason() == reason) return status;
  }
  return HttpStatus(error.code());
}

HttpResponse ProblemResponse(const Error& error) {
  const int status = HttpStatus(error);
  slipway::Json problem = slipway::Json::object();
  problem["type"] = "about:blank";
  problem["title"] = StatusPhrase(status);
  problem["status"] = status;
  problem["detail"] = error.message();
  problem["code"] = CodeName(error.code());
  problem["reason"] = error.reason();
  slipway::Json details = slipway::Json::object();
  for (const auto& [name, value] : error.details()) {
    if (name == "field") {
      problem["field"] = value;
    } else {
      details[name] = value;
    }
  }
  if (!details.empty()) problem["details"] = std::move(details);
  HttpResponse response = HttpResponse::Json(status, DumpJson(problem));
  response.content_type = "application/problem+json";
  AddHeaders(error, response);
  return response;
}

Result<std::string> PercentDecode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 1 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return InvalidArgument("URL_MALFORMED", "In the URL, '%' at byte " + std::to_string(i) +
                                                  " is not followed by two hex digits; write a "
                                                  "percent sign as %25");
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

}  // namespace slipway::net
