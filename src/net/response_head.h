// The head of an answer, written into a buffer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_message.h"

namespace slipway::net {

struct ResponseFraming {
  bool http11 = true;  // of the request
  bool keep_alive = true;
  bool chunked = false;
  std::optional<uint64_t> content_length;
};

// Appends status line, headers and the empty line. `date` is an IMF-fixdate. Control characters in
// the response's own headers become spaces, so that no value adds a header; its Content-Length,
// Transfer-Encoding and Connection are left out: the framing decides on them.
void AppendResponseHead(const HttpResponse& response, const ResponseFraming& framing,
                        std::string_view date, std::string& out);

// Appends "NAME: VALUE" and the line's end, with spaces in the place of control characters. Not for
// those that the framing decides on.
void AppendHeader(std::string_view name, std::string_view value, std::string& out);

// "Sun, 06 Nov 1994 08:49:37 GMT".
std::string HttpDate(int64_t unix_seconds);

}  // namespace slipway::net
