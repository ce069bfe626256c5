// ServedConnection: one client's connection, whatever it speaks, and what those of a core share.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/cancellation_signal.hpp>

#include "async/task.h"
#include "base/metrics.h"
#include "net/http_server.h"
#include "net/transport.h"

namespace slipway::net {

struct GrpcCore;

// What a core's connections share. Written by the core's tick, read on the same core.
struct ConnectionEnvironment {
  const Handler* handler = nullptr;
  const HttpServerOptions* options = nullptr;
  GrpcCore* grpc = nullptr;            // set: the server speaks gRPC, and nothing else
  std::shared_ptr<TlsContext> tls;     // of new connections; nullptr: they are plain
  std::array<Counter*, 6> requests{};  // by hundreds of the status
  int64_t now_ms = 0;                  // steady, as of the last tick
  int64_t tick_ms = 0;                 // how old that may be
  std::string date;                    // for the header Date
  bool stopping = false;
};

// How the connection came: who is at the other end, and by which rules it is read.
struct ConnectionOrigin {
  std::string peer;
  bool peer_is_loopback = false;
  bool check_host = false;  // the listener is a loopback one and wants it
  bool refused = false;     // there are too many: tell the client and close
};

class ServedConnection {
 public:
  ServedConnection() = default;
  virtual ~ServedConnection() = default;
  ServedConnection(const ServedConnection&) = delete;
  ServedConnection& operator=(const ServedConnection&) = delete;

  // Serves until the connection ends. To be run with the cancellation slot of `signal()`.
  virtual Task<void> Run() = 0;
  asio::cancellation_signal& signal() { return signal_; }

  // Once a tick: ends what took too long, notices what nobody waits for.
  virtual void OnTick() = 0;
  // The server stops and its time is over: cancels the handlers and ends every wait.
  virtual void Abort() = 0;

 protected:
  asio::cancellation_signal signal_;
};

}  // namespace slipway::net
