#include "net/http_status.h"

#include <array>
#include <string>
#include <utility>

namespace slipway::net {
namespace {

constexpr std::array<std::pair<int, std::string_view>, 48> kPhrases = {{
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
}};

constexpr int kStatusEnd = 600;
using Lines = std::array<std::string, kStatusEnd>;

Lines MakeLines() {
  Lines lines;
  for (const auto& [status, phrase] : kPhrases) {
    lines.at(static_cast<size_t>(status)) =
        "HTTP/1.1 " + std::to_string(status) + " " + std::string(phrase) + "\r\n";
  }
  return lines;
}

}  // namespace

std::string_view StatusPhrase(int status) {
  for (const auto& [number, phrase] : kPhrases) {
    if (number == status) return phrase;
  }
  return "Unknown";
}

std::string_view StatusLine(int status) {
  static const Lines& lines = *new Lines(MakeLines());
  if (status < 0 || status >= kStatusEnd) return {};
  return lines[static_cast<size_t>(status)];
}

Code CodeOfStatus(int status) {
  switch (status) {
    case 400:
      return Code::kInvalidArgument;
    case 401:
      return Code::kUnauthenticated;
    case 403:
      return Code::kPermissionDenied;
    case 404:
      return Code::kNotFound;
    case 405:
      return Code::kUnimplemented;
    case 408:
    case 502:
    case 503:
    case 504:
      return Code::kUnavailable;
    case 409:
      return Code::kAborted;
    case 413:
    case 429:
    case 507:
      return Code::kResourceExhausted;
    case 416:
      return Code::kOutOfRange;
    default:
      return status >= 500 ? Code::kInternal : Code::kUnknown;
  }
}

}  // namespace slipway::net
