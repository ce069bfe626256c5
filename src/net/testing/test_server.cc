#include "net/testing/test_server.h"

#include <utility>

#include "async/testing/run.h"
#include "base/check.h"

namespace slipway::net {
namespace {

Listener OpenLoopback() {
  Result<Listener> listener = Listener::Open("127.0.0.1", 0);
  CHECK(listener.has_value());
  return std::move(listener).value();
}

Handler HandlerOf(const Router* router) {
  return [router](HttpRequest& request) { return router->Handle(request); };
}

}  // namespace

TestServer::TestServer(Handler handler, HttpServerOptions options, size_t cores)
    : cores_(cores),
      listener_(OpenLoopback()),
      server_(cores_, std::move(handler), std::move(options)) {
  CHECK(server_.Listen(listener_).has_value());
}

TestServer::TestServer(Router router, HttpServerOptions options, size_t cores)
    : router_(std::make_unique<Router>(std::move(router))),
      cores_(cores),
      listener_(OpenLoopback()),
      server_(cores_, HandlerOf(router_.get()), std::move(options)) {
  CHECK(server_.Listen(listener_).has_value());
}

TestServer::~TestServer() {
  Stop();
  cores_.Stop();
}

std::string TestServer::Url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(port()) + path;
}

void TestServer::Stop(std::chrono::milliseconds drain) {
  RunSync(server_.Stop(drain));
}

}  // namespace slipway::net
