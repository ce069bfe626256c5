// The head of a request: RFC 9112 read strictly, as a pure function over bytes.
//
// What two readers could frame differently (a bare LF, a folded line, a space before a colon, two
// lengths, a length beside a transfer coding) is refused: that is how requests are smuggled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "net/http_message.h"

namespace slipway::net {

// Finds the end of a head in a buffer that grows. Each byte is looked at once.
class HeadScanner {
 public:
  // The head's size with its empty line, or 0 if it is not complete. INVALID_ARGUMENT /
  // HEAD_MALFORMED for a line that ends without CR. `buffer` begins where the request begins, and
  // grows from call to call until Reset.
  Result<size_t> Scan(std::string_view buffer);
  void Reset() { *this = HeadScanner(); }

 private:
  size_t line_begin_ = 0;
  size_t next_ = 0;
};

// How the request's body is framed and what its sender can take.
struct Framing {
  bool http11 = true;
  bool chunked = false;
  bool expects_continue = false;
  std::optional<uint64_t> content_length;  // nothing: no such header

  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

struct HeadRules {
  size_t max_headers = 128;
  // Host and Origin must be loopback names or addresses.
  bool loopback_only = false;
};

// Fills method, target, path, query, headers and keep_alive of `request` with views into `head`,
// which Scan found complete, and `framing`. Errors: INVALID_ARGUMENT / HEAD_MALFORMED,
// HOST_MISSING, CONTENT_LENGTH_INVALID or EXPECTATION_UNKNOWN; RESOURCE_EXHAUSTED / HEAD_TOO_LARGE
// (too many headers); UNIMPLEMENTED / HTTP_VERSION or TRANSFER_ENCODING_UNSUPPORTED;
// PERMISSION_DENIED / HOST_REFUSED or ORIGIN_REFUSED.
Result<void> ParseHead(std::string_view head, const HeadRules& rules, HttpRequest& request,
                       Framing& framing);

// Whether `host` (a name or address, with or without a port) is this machine's own: localhost,
// 127.0.0.0/8, [::1].
bool IsLoopbackHost(std::string_view host);
// The same for an Origin such as http://localhost:8080. "null" is foreign.
bool IsLoopbackOrigin(std::string_view origin);

}  // namespace slipway::net
