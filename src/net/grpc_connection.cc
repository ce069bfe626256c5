#include "net/grpc_connection.h"

#include <array>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/limits.h"

namespace slipway::net {
namespace {

// Of one writev.
constexpr size_t kMaxBuffers = 64;
// RFC 9113, section 7.
constexpr uint32_t kEnhanceYourCalm = 0xb;

}  // namespace

GrpcConnection::GrpcConnection(ConnectionEnvironment& environment, Poller& poller, int descriptor,
                               ConnectionOrigin origin, asio::any_io_executor executor)
    : environment_(environment),
      origin_(std::move(origin)),
      executor_(std::move(executor)),
      socket_(poller, descriptor, this),
      transport_(environment.tls != nullptr ? environment.tls->MakeTransport(socket_)
                                            : MakePlainTransport(socket_)),
      session_(*environment.grpc, *this,
               {.executor = executor_,
                .options = environment.options,
                .peer = origin_.peer,
                .peer_is_loopback = origin_.peer_is_loopback},
               environment.now_ms),
      self_(std::make_shared<GrpcConnection*>(this)),
      since_ms_(environment.now_ms) {}

GrpcConnection::~GrpcConnection() {
  *self_ = nullptr;
}

Task<void> GrpcConnection::Run() {
  if (!socket_.Register().has_value() || !co_await Handshake()) co_return;
  shaking_hands_ = false;
  if (origin_.refused) session_.End(kEnhanceYourCalm, "this server has too many connections");
  serving_ = true;
  co_await Serve();
  serving_ = false;
  session_.CancelAll();
  // Ended by OnTaskEnd, at the latest.
  while (session_.tasks() > 0) co_await socket_.Wait(Direction::kRead, false);
  if (!broken_ && !aborted_) co_await Linger();
}

Task<bool> GrpcConnection::Handshake() {
  while (!aborted_) {
    const IoResult step = transport_->Handshake();
    if (step.status == IoStatus::kDone) {
      session_.SetPeerIdentity(transport_->PeerIdentity());
      co_return true;
    }
    if (step.status == IoStatus::kPlainHttp) {
      transport_ = MakePlainTransport(socket_);
      RefusePlainHttp("This port speaks TLS and the client came without it");
      co_await Linger();
      break;
    }
    if (step.status != IoStatus::kWouldBlock) break;
    if (co_await socket_.Wait(step.wants, false) != WaitOutcome::kReady) break;
  }
  co_return false;
}

Task<void> GrpcConnection::Serve() {
  while (true) {
    const Input input = Read();
    // Others of this turn first, then all answers together; see PolledSocket::others_wait.
    if (socket_.others_wait()) co_await socket_.WaitForTurnEnd();
    if (aborted_ || input == Input::kEnded || !Flush() || session_.ended()) break;
    if (input == Input::kMore) {
      co_await asio::post(executor_, asio::use_awaitable);
      continue;
    }
    // While the client does not read, nothing more of it is read either.
    const Direction direction = blocked_ ? Direction::kWrite : Direction::kRead;
    if (socket_.ready(direction)) continue;
    if (co_await socket_.Wait(direction, false) != WaitOutcome::kReady) {
      broken_ = !session_.ended();
      break;
    }
  }
}

GrpcConnection::Input GrpcConnection::Read() {
  if (blocked_) return Input::kNone;
  size_t bytes = 0;
  while (bytes < kMaxBytesPerTurn) {
    char* const input = environment_.grpc->input();
    const IoResult read = transport_->Read(input, kGrpcReadBytes);
    if (read.status == IoStatus::kWouldBlock) return Input::kNone;
    if (read.status != IoStatus::kDone) {
      broken_ = true;
      return Input::kEnded;
    }
    bytes += read.bytes;
    const Result<void> taken = session_.Receive({input, read.bytes}, environment_.now_ms);
    if (taken.has_value()) continue;
    if (taken.error().reason() == "PLAIN_HTTP") {
      const bool is_text = input[0] >= 'A' && input[0] <= 'Z';
      if (is_text) RefusePlainHttp(taken.error().message());
      return Input::kEnded;
    }
    (void)Flush();
    return Input::kEnded;
  }
  return Input::kMore;
}

bool GrpcConnection::Flush() {
  // The calls of an aborted connection are gone, and nghttp2 still refers to them.
  if (broken_ || aborted_) return false;
  // Whoever speaks another protocol is not to get frames.
  if (!session_.has_begun()) return true;
  while (true) {
    if (session_.output().empty()) session_.Collect();
    if (session_.output().empty()) return true;
    if (!WritePending()) return !broken_;
  }
}

// True when all of it is written; what is left waits for the socket.
bool GrpcConnection::WritePending() {
  OutputQueue& output = session_.output();
  while (!output.empty()) {
    std::array<iovec, kMaxBuffers> buffers;
    const IoResult put = transport_->Write(output.Buffers(buffers));
    if (put.status == IoStatus::kWouldBlock) {
      if (!std::exchange(blocked_, true)) since_ms_ = environment_.now_ms;
      return false;
    }
    if (put.status != IoStatus::kDone) {
      broken_ = true;
      return false;
    }
    output.Consume(put.bytes);
    since_ms_ = environment_.now_ms;
  }
  blocked_ = false;
  return true;
}

// Several answers that are ready in the same turn of the loop leave together.
void GrpcConnection::OnOutput() {
  if (!serving_ || std::exchange(flush_posted_, true)) return;
  asio::post(executor_, [connection = self_] {
    GrpcConnection* const self = *connection;
    if (self == nullptr) return;
    self->flush_posted_ = false;
    if (!self->serving_) return;
    const bool was_blocked = self->blocked_;
    // The coroutine sees to the end, and reads again once the output is gone.
    if (!self->Flush() || self->session_.ended() || (was_blocked && !self->blocked_)) {
      self->socket_.Wake(WaitOutcome::kReady);
    }
  });
}

void GrpcConnection::OnTaskEnd() {
  if (serving_ || session_.tasks() > 0) return;
  asio::post(executor_, [connection = self_] {
    if (*connection != nullptr) (*connection)->socket_.Wake(WaitOutcome::kReady);
  });
}

void GrpcConnection::OnTick() {
  const HttpServerOptions& options = *environment_.options;
  const int64_t waited_ms = environment_.now_ms - since_ms_ - environment_.tick_ms;
  if (!serving_) {
    const auto limit = shaking_hands_ ? options.head_timeout : kLingerIdle;
    if (waited_ms >= limit.count()) socket_.Wake(WaitOutcome::kTimedOut);
    return;
  }
  if (environment_.stopping) session_.BeginDrain();
  const bool is_late = session_.Tick(environment_.now_ms);
  if (is_late || (blocked_ && waited_ms >= options.write_timeout.count())) {
    socket_.Wake(WaitOutcome::kTimedOut);  // may end in this connection's destruction
  }
}

void GrpcConnection::Abort() {
  aborted_ = true;
  session_.CancelAll();
  socket_.Wake(WaitOutcome::kCancelled);  // may end in this connection's destruction
}

// In the language of the client; nothing of HTTP/2 has been sent.
void GrpcConnection::RefusePlainHttp(const std::string& text) {
  session_.output().Clear();
  session_.output().Append(
      "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
      "Connection: close\r\nContent-Length: " +
      std::to_string(text.size() + 1) + "\r\n\r\n" + text + "\n");
  (void)WritePending();
}

// Closing with unread input resets the connection, and the client may never see what was sent.
Task<void> GrpcConnection::Linger() {
  transport_->ShutdownWrite();
  since_ms_ = environment_.now_ms;
  size_t bytes = 0;
  while (!aborted_ && bytes < kMaxDiscardedBytes) {
    const IoResult read = transport_->Read(environment_.grpc->input(), kGrpcReadBytes);
    bytes += read.bytes;
    if (read.status == IoStatus::kDone) continue;
    if (read.status != IoStatus::kWouldBlock) break;
    if (co_await socket_.Wait(read.wants, false) != WaitOutcome::kReady) break;
  }
}

}  // namespace slipway::net
