// HttpServer: HTTP/1.1, or gRPC on HTTP/2, on listening sockets, connections spread over a
// CorePool.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "async/core_pool.h"
#include "async/task.h"
#include "base/result.h"
#include "net/http_message.h"
#include "net/tls_files.h"

namespace slipway::net {

class GrpcService;

struct HttpServerOptions {
  std::string server_name = "slipway";  // for logs and metrics
  size_t max_head_bytes = 32 << 10;     // 431 above
  size_t max_headers = 128;
  std::chrono::milliseconds head_timeout{10'000};   // from first byte to the end of the head: 408
  std::chrono::milliseconds idle_timeout{75'000};   // between requests
  std::chrono::milliseconds body_timeout{60'000};   // without a byte of the body
  std::chrono::milliseconds write_timeout{60'000};  // without progress of the client
  size_t max_connections = 20'000;
  // Loopback listeners refuse a Host or Origin that is no loopback name or address (403).
  bool check_host = true;
  // How the server answers what it refuses itself, before a handler sees it.
  HttpResponse (*write_refusal)(const Error&) = ProblemResponse;
  // The same for targets that begin with `prefix`, as far as they can be read. Empty: none.
  struct PathRefusal {
    std::string_view prefix;
    HttpResponse (*write)(const Error&) = nullptr;
  };
  PathRefusal path_refusal = {};
  // With both files all listeners speak TLS (1.2 and newer); without, none does.
  TlsFiles tls;
};

// A listening TCP socket, owned.
class Listener {
 public:
  // Binds and listens; port 0 takes a free one. FAILED_PRECONDITION / ADDRESS_IN_USE names it.
  static Result<Listener> Open(const std::string& address, uint16_t port);
  // Takes over a descriptor that listens already (passed by another process).
  static Result<Listener> Adopt(int descriptor);
  Listener(Listener&&) noexcept;
  Listener& operator=(Listener&&) noexcept;
  ~Listener();

  int descriptor() const { return descriptor_; }
  const std::string& address() const { return address_; }
  uint16_t port() const { return port_; }
  bool is_loopback() const;

 private:
  Listener(int descriptor, std::string address, uint16_t port);
  int descriptor_ = -1;
  std::string address_;
  uint16_t port_ = 0;
};

// Limits, framing, keep-alive, pipelining, Expect: 100-continue, HEAD. The handler is called on the
// connection's core and is shared by all: usually Router::Handle. Malformed requests are answered
// 400 and the connection closed. A client that leaves cancels the handler's task.
class HttpServer {
 public:
  HttpServer(CorePool& cores, Handler handler, HttpServerOptions options = {});
  // Speaks gRPC alone: HTTP/2 as clients begin it that know, with TLS by ALPN. `service` outlives
  // the server. A client that leaves, or resets its call, cancels the call's task. Stop tells the
  // clients (GOAWAY) to go elsewhere and lets their calls end.
  HttpServer(CorePool& cores, const GrpcService& service, HttpServerOptions options = {});
  ~HttpServer();  // CHECKs that it was stopped

  // The listener's descriptor is duplicated: closing the caller's does not stop this one. The first
  // call reads the TLS files; reason TLS_CERTIFICATE or TLS_KEY_EXPOSED says what is wrong with
  // them.
  Result<void> Listen(const Listener& listener);
  // Reads the TLS files again: connections that come from now on use them, those that are there go
  // on as they are. After an error, the same as Listen's, what was read before stays in use.
  // Blocking, from a thread that is no core, between Listen and Stop; does nothing without TLS.
  Result<void> ReloadTls();
  // Stops accepting, lets requests in flight end until `drain` is over, then closes.
  Task<void> Stop(std::chrono::milliseconds drain);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace slipway::net
