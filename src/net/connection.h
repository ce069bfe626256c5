// Connection: one client's connection, from its first byte to its end; one coroutine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <boost/asio/cancellation_signal.hpp>

#include "base/metrics.h"
#include "net/http_server.h"
#include "net/input_buffer.h"
#include "net/poller.h"
#include "net/request_body.h"
#include "net/request_head.h"
#include "net/transport.h"

namespace slipway::net {

// What a core's connections share. Written by the core's tick, read on the same core.
struct ConnectionEnvironment {
  const Handler* handler = nullptr;
  const HttpServerOptions* options = nullptr;
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
  bool refused = false;     // there are too many: answer 503 and close
};

class Connection final : private PolledSocket::Observer, private BodyInput {
 public:
  Connection(ConnectionEnvironment& environment, Poller& poller, int descriptor,
             ConnectionOrigin origin);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Serves requests until the connection ends. To be run with the cancellation slot of `signal()`.
  Task<void> Run();
  asio::cancellation_signal& signal() { return signal_; }

  // Once a tick: ends what took too long, notices what nobody waits for.
  void OnTick();
  // The server stops and its time is over: cancels the handler and ends every wait.
  void Abort();

 private:
  // What the connection waits for, which decides on its time-out.
  enum class Phase : uint8_t { kIdle, kHead, kHandling, kBody, kWriting, kLingering };
  enum class Next : uint8_t { kRequest, kMoreInput, kRefused };
  using Buffers = std::span<iovec>;

  void OnPeerClosed() override;
  Task<Result<size_t>> ReadSocket(char* out, size_t size) override;

  void Enter(Phase phase);
  int64_t TimeoutMs() const;
  void CancelHandler();

  Task<bool> Handshake();
  Next LookForRequest();
  bool SkipEmptyLines();
  Next Refuse(Error error);
  IoResult ReadInput();
  Task<bool> WaitForInput(Direction direction);
  // One request, from its parsed head to its written answer: true to go on with the next.
  Task<bool> Serve();
  Task<HttpResponse> CallHandler();
  Task<void> RefuseAndClose();
  // Answers a client that does not speak TLS in its own language.
  Task<void> RefusePlainHttp();
  bool KeepsAlive() const;
  Task<bool> FinishRequest(bool keep_alive);
  Task<void> Linger();
  // After `bytes` more were moved without waiting: lets the core's other work in between, if it is
  // its turn.
  Task<void> Moved(size_t bytes);

  Task<bool> WriteResponse(HttpResponse& response, bool keep_alive);
  Task<bool> WriteFile(const FileBody& body);
  Task<bool> WriteStream(const StreamBody& body, bool chunked, std::optional<uint64_t> length);
  // True once all is written. `TryWrite` removes what it wrote from the buffers.
  IoStatus TryWrite(Buffers& buffers, Direction& wants);
  Task<bool> WriteAll(Buffers buffers);
  Task<bool> WaitToWrite(Direction direction);

  friend class ConnectionStreamWriter;

  ConnectionEnvironment& environment_;
  const ConnectionOrigin origin_;
  PolledSocket socket_;
  std::unique_ptr<Transport> transport_;
  asio::cancellation_signal signal_;

  Phase phase_ = Phase::kIdle;
  int64_t since_ms_ = 0;  // when the phase began, or made progress last
  size_t moved_in_turn_ = 0;
  bool client_gone_ = false;
  bool aborted_ = false;

  InputBuffer buffer_;
  HeadScanner scanner_;
  size_t empty_lines_ = 0;
  HttpRequest request_;
  Framing framing_;
  RequestBody body_;
  bool continue_wanted_ = false;
  std::optional<Error> refusal_;
  std::string out_;  // heads and small bodies of answers
};

}  // namespace slipway::net
