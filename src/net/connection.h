// Connection: one client's connection, from its first byte to its end; one coroutine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "net/input_buffer.h"
#include "net/poller.h"
#include "net/request_body.h"
#include "net/request_head.h"
#include "net/served_connection.h"

namespace slipway::net {

class Connection final : public ServedConnection,
                         private PolledSocket::Observer,
                         private BodyInput {
 public:
  Connection(ConnectionEnvironment& environment, Poller& poller, int descriptor,
             ConnectionOrigin origin);

  Task<void> Run() override;
  void OnTick() override;
  void Abort() override;

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
  void NameRequest();
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
  const uint32_t number_;  // of this connection, in the names of its requests
  uint32_t requests_ = 0;
  std::string subject_;  // of a client with a certificate
  PolledSocket socket_;
  std::unique_ptr<Transport> transport_;

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
