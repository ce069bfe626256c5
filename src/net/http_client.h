// HttpClient: outgoing HTTP/1.1 (and TLS) on libcurl.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace slipway::net {

struct ClientResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::optional<std::string> Header(std::string_view name) const;
};

struct ClientRequest {
  std::string method = "GET";
  std::string url;
  // Not empty: somebody else's request is passed on. It takes the place of the URL's path and query
  // as it is, no header but Host and the framing is added, and `download` is called for answers of
  // any status.
  std::string raw_target = {};
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // Instead of `body`: called for the next piece, 0 at the end; with its total length.
  std::function<Result<size_t>(char* out, size_t size)> upload;
  std::optional<uint64_t> upload_size;
  // Called once with status and headers of the final answer, before its body; an error ends the
  // call and is its answer.
  std::function<Result<void>(const ClientResponse& head)> on_head;
  // Called with each piece of a 2xx answer's body instead of collecting it; an error ends the call
  // and is its answer.
  std::function<Result<void>(std::string_view piece)> download;
  // Once it is not 0 the call ends within a second: CANCELLED / CALL_CANCELLED. May be null.
  const std::atomic<uint32_t>* cancelled = nullptr;
  // Of the whole call; 0: none, only `idle_timeout` without a byte.
  std::chrono::milliseconds timeout{0};
  std::chrono::milliseconds idle_timeout{60'000};
  uint64_t max_response_bytes = 64 << 20;  // of a collected body
};

// Blocking; one per thread (keeps its connections). Redirects are not followed: the caller decides
// who gets its credentials. Errors: UNAVAILABLE / CONNECT_FAILED, CONNECTION_LOST or TLS_FAILED (no
// handshake), FAILED_PRECONDITION / TLS_UNTRUSTED, TLS_EXPIRED, TLS_NOT_YET_VALID or TLS_HOST_NAME
// (a certificate that proves nothing), FAILED_PRECONDITION / TLS_CA_FILE, TLS_CLIENT_CERTIFICATE
// (our own cannot be used) or TLS_CLIENT_REFUSED (the server does not take it, or wants one; where
// the server is quick that is CONNECTION_LOST or CONNECT_FAILED),
// DEADLINE_EXCEEDED / TIMEOUT, CANCELLED / CALL_CANCELLED, RESOURCE_EXHAUSTED / RESPONSE_TOO_LARGE,
// INVALID_ARGUMENT / URL_MALFORMED or HEADER_MALFORMED, INTERNAL / HTTP_PROTOCOL, and what the
// callbacks return. Answers of any status are values.
class HttpClient {
 public:
  struct Options {
    std::string ca_file;  // PEM, the only authorities to be trusted; empty: the system's
    bool verify_tls = true;
    std::string unix_socket;  // connect here instead of to the URL's host
    // PEM, shown to servers that ask who we are: with its chain; empty: we do not say. The key
    // without a passphrase; empty: it is in the same file.
    std::string certificate_file = {};
    std::string key_file = {};
  };
  HttpClient();
  explicit HttpClient(Options options);
  ~HttpClient();
  Result<ClientResponse> Send(const ClientRequest& request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::net
