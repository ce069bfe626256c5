// HTTP messages as handlers see them: no Beast type shows.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "async/call_context.h"
#include "async/task.h"
#include "base/result.h"

namespace slipway {
class File;
}

namespace slipway::net {

enum class Method : uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };

std::string_view MethodName(Method method);

// The body of a request, read once, in order.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // Declared length, or nothing for chunked bodies.
  virtual std::optional<uint64_t> length() const = 0;
  // Up to `size` bytes into `out`; 0 at the end. Errors: CANCELLED / CLIENT_GONE,
  // DEADLINE_EXCEEDED / BODY_TIMEOUT (idle), INVALID_ARGUMENT / BODY_TRUNCATED or BODY_MALFORMED.
  virtual Task<Result<size_t>> Read(char* out, size_t size) = 0;
  // The whole body. RESOURCE_EXHAUSTED / BODY_TOO_LARGE above `limit_bytes`, before reading if the
  // length is declared. The string has at least 64 bytes of capacity after its end (simdjson).
  virtual Task<Result<std::string>> ReadAll(uint64_t limit_bytes) = 0;
  // The whole body without waiting or copying, if it came together with the head, as small ones do;
  // otherwise, or after Read, nothing, and nothing is consumed. Lives as long as the request; at
  // least 64 bytes after its end may be read.
  virtual std::optional<std::string_view> TakeBuffered() { return std::nullopt; }
};

struct Route;

// Lives until its answer is written (a StreamBody may use it). Views point into the connection's
// buffer.
struct HttpRequest {
  Method method = Method::kGet;
  std::string_view method_text;
  std::string_view target;  // as sent
  std::string_view path;    // before '?', still percent-encoded
  std::string_view query;   // after '?'
  std::vector<std::pair<std::string_view, std::string_view>> headers;  // in order, names as sent
  // Values of the route's {parameters}, percent-decoded, in the order of the pattern.
  std::vector<std::pair<std::string_view, std::string>> parameters;
  std::string_view peer;  // address without port
  bool peer_is_loopback = false;
  bool keep_alive = true;
  BodyReader* body = nullptr;
  CallContext context;               // identity filled in by the route's guard
  const Route* route = nullptr;      // set by the router
  const void* guard_data = nullptr;  // from the route's guard to its handler, which know the type

  // The first header of that name (any case), or nothing.
  std::optional<std::string_view> Header(std::string_view name) const;
  // Every value of that header, several lines and comma lists taken apart and trimmed.
  std::vector<std::string_view> HeaderList(std::string_view name) const;
  // A route parameter; CHECKs that the route has it.
  const std::string& Parameter(std::string_view name) const;
  // The first query value of that name, percent-decoded, or nothing; and all of them.
  std::optional<std::string> Query(std::string_view name) const;
  std::vector<std::string> QueryAll(std::string_view name) const;
};

// Writes a body piece by piece; each Write waits until the socket took it. With a declared length
// it has that length, otherwise it is chunked (HTTP/1.0: ended by the connection's end).
class StreamWriter {
 public:
  virtual ~StreamWriter() = default;
  // CANCELLED / CLIENT_GONE when the client left or does not read (write_timeout).
  virtual Task<Result<void>> Write(std::string_view bytes) = 0;
  // The body cannot be completed: the connection ends so that the client sees it cut off. The same
  // happens to a body that ends short of its declared length.
  virtual void Abort() {}
};

// A range of an open file, sent with sendfile(2) where the connection is plain.
struct FileBody {
  std::shared_ptr<File> file;
  uint64_t offset = 0;
  uint64_t size_bytes = 0;
};
using StreamBody = std::function<Task<void>(StreamWriter& writer)>;

struct HttpResponse {
  int status = 200;
  std::string content_type;  // empty: no such header
  std::vector<std::pair<std::string, std::string>> headers;
  // Further headers, as AppendHeader wrote them: for answers that are given again and again.
  std::shared_ptr<const std::string> written_headers;
  std::variant<std::string, FileBody, StreamBody> body;
  // For HEAD: the length that GET would have. For a StreamBody: its length, if it is known.
  // Otherwise taken from the body.
  std::optional<uint64_t> declared_length;

  static HttpResponse Json(int status, std::string body);
  static HttpResponse Text(int status, std::string body);
  static HttpResponse Empty(int status);
};

using Handler = std::function<Task<HttpResponse>(HttpRequest& request)>;

// HTTP status of a canonical code, and of an error whose reason has a status of its own
// (BODY_TOO_LARGE 413, VERSION_CONFLICT 412, EXPIRED 410, ...). The one place where the API's
// protocol picks one.
int HttpStatus(Code code);
int HttpStatus(const Error& error);
// RFC 9457 `application/problem+json`: {type, title, status, detail, code, reason, field?,
// details?}. With Allow, WWW-Authenticate and Retry-After where the status asks for them (details
// "allow", "challenge" and "retry_after_s" set their values).
HttpResponse ProblemResponse(const Error& error);

// Percent-decoding; INVALID_ARGUMENT / URL_MALFORMED.
Result<std::string> PercentDecode(std::string_view text);
// Everything but letters, digits and -._~ becomes %XX.
std::string PercentEncode(std::string_view text);

// ASCII letters of any case are the same.
bool EqualsIgnoringCase(std::string_view a, std::string_view b);

}  // namespace slipway::net
