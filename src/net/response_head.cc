#include "net/response_head.h"

#include <charconv>
#include <ctime>

#include "net/http_status.h"

namespace slipway::net {
namespace {

void AppendNumber(uint64_t number, std::string& out) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof(digits), number);
  out.append(digits, end.ptr);
}

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < ' ' && byte != '\t') || byte == 0x7f;
}

void AppendClean(std::string_view text, std::string& out) {
  // Without an early end, so that many bytes are looked at in one step: there is hardly ever one.
  bool has_control = false;
  for (const char c : text) has_control |= IsControl(c);
  const size_t begin = out.size();
  out += text;
  if (!has_control) return;
  for (size_t i = begin; i < out.size(); ++i) {
    if (IsControl(out[i])) out[i] = ' ';
  }
}

bool IsFraming(std::string_view name) {
  return EqualsIgnoringCase(name, "Content-Length") ||
         EqualsIgnoringCase(name, "Transfer-Encoding") || EqualsIgnoringCase(name, "Connection");
}

void AppendStatusLine(int status, std::string& out) {
  const std::string_view line = StatusLine(status);
  if (!line.empty()) {
    out += line;
    return;
  }
  out += "HTTP/1.1 ";
  AppendNumber(static_cast<uint64_t>(status), out);
  out += " Unknown\r\n";
}

}  // namespace

void AppendResponseHead(const HttpResponse& response, const ResponseFraming& framing,
                        std::string_view date, std::string& out) {
  AppendStatusLine(response.status, out);
  out.append("Date: ").append(date).append("\r\n");
  if (!response.content_type.empty()) {
    out += "Content-Type: ";
    AppendClean(response.content_type, out);
    out += "\r\n";
  }
  if (framing.content_length.has_value()) {
    out += "Content-Length: ";
    AppendNumber(*framing.content_length, out);
    out += "\r\n";
  } else if (framing.chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  }
  if (!framing.keep_alive) {
    out += "Connection: close\r\n";
  } else if (!framing.http11) {
    out += "Connection: keep-alive\r\n";
  }
  for (const auto& [name, value] : response.headers) {
    if (IsFraming(name)) continue;
    AppendHeader(name, value, out);
  }
  if (response.written_headers) out += *response.written_headers;
  out += "\r\n";
}

void AppendHeader(std::string_view name, std::string_view value, std::string& out) {
  AppendClean(name, out);
  out += ": ";
  AppendClean(value, out);
  out += "\r\n";
}

std::string HttpDate(int64_t unix_seconds) {
  const time_t time = unix_seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  char rest[32];
  static_cast<void>(strftime(rest, sizeof(rest), "%Y %H:%M:%S GMT", &parts));
  const std::string day = (parts.tm_mday < 10 ? "0" : "") + std::to_string(parts.tm_mday);
  return std::string(kDays[parts.tm_wday]) + ", " + day + " " + kMonths[parts.tm_mon] + " " + rest;
}

}  // namespace slipway::net
