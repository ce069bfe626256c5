// TestServer: an HttpServer on a free loopback port, with cores of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "async/core_pool.h"
#include "net/http_server.h"
#include "net/router.h"

namespace slipway::net {

class TestServer {
 public:
  explicit TestServer(Handler handler, HttpServerOptions options = {}, size_t cores = 1);
  // The router is kept alive as long as the server.
  explicit TestServer(Router router, HttpServerOptions options = {}, size_t cores = 1);
  ~TestServer();  // stops
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  uint16_t port() const { return listener_.port(); }
  const Listener& listener() const { return listener_; }
  // "http://127.0.0.1:PORT" + path.
  std::string Url(const std::string& path) const;
  CorePool& cores() { return cores_; }
  HttpServer& server() { return server_; }
  // From a thread that is no core; a second call does nothing.
  void Stop(std::chrono::milliseconds drain = std::chrono::milliseconds(2'000));

 private:
  std::unique_ptr<Router> router_;
  CorePool cores_;
  Listener listener_;
  HttpServer server_;
};

}  // namespace slipway::net
