#include "net/connection.h"

#include <array>
#include <atomic>
#include <charconv>
#include <exception>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "base/random.h"
#include "net/limits.h"

namespace slipway::net {
namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

Error ClientGone() {
  return Error(Code::kCancelled, "CLIENT_GONE", "The client has left");
}

// Begins anywhere, so that names of requests are others after a restart.
uint32_t NextNumber() {
  static std::atomic<uint32_t> next{static_cast<uint32_t>(SystemRandom().Next())};
  return next.fetch_add(1, std::memory_order_relaxed);
}

// What follows the method, of a head that may be anything.
std::string_view TargetOf(std::string_view head) {
  const size_t begin = head.find_first_not_of("\r\n");
  if (begin == std::string_view::npos) return {};
  std::string_view line = head.substr(begin);
  line = line.substr(0, line.find_first_of("\r\n"));
  const size_t space = line.find(' ');
  return space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
}

Error HeadTooLarge(size_t limit) {
  return ResourceExhausted("HEAD_TOO_LARGE", "The request's head is larger than " +
                                                 std::to_string(limit) +
                                                 " bytes; send fewer or shorter headers");
}

}  // namespace

Connection::Connection(ConnectionEnvironment& environment, Poller& poller, int descriptor,
                       ConnectionOrigin origin)
    : environment_(environment),
      origin_(std::move(origin)),
      number_(NextNumber()),
      socket_(poller, descriptor, this),
      transport_(environment.tls != nullptr ? environment.tls->MakeTransport(socket_)
                                            : MakePlainTransport(socket_)),
      since_ms_(environment.now_ms),
      body_(buffer_, *this) {
  request_.peer = origin_.peer;
  request_.peer_is_loopback = origin_.peer_is_loopback;
  request_.body = &body_;
}

Task<void> Connection::Run() {
  if (!socket_.Register().has_value() || !co_await Handshake()) co_return;
  size_t requests_in_turn = 0;
  while (!aborted_) {
    const Next next = LookForRequest();
    if (next == Next::kRefused) {
      co_await RefuseAndClose();
      break;
    }
    if (next == Next::kMoreInput) {
      requests_in_turn = 0;
      const IoResult read = ReadInput();
      if (read.status == IoStatus::kDone) continue;
      if (read.status != IoStatus::kWouldBlock || !co_await WaitForInput(read.wants)) break;
      continue;
    }
    if (!co_await Serve()) break;
    if (++requests_in_turn == kMaxRequestsPerTurn) {
      requests_in_turn = 0;
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    }
  }
}

Task<bool> Connection::Handshake() {
  while (!aborted_) {
    const IoResult step = transport_->Handshake();
    if (step.status == IoStatus::kDone) {
      if (std::string proved = transport_->PeerIdentity(); !proved.empty()) {
        subject_ = std::string(kCertificateSubject) + proved;
      }
      co_return true;
    }
    if (step.status == IoStatus::kPlainHttp) {
      co_await RefusePlainHttp();
      break;
    }
    if (step.status != IoStatus::kWouldBlock) break;
    // All of it has the time of one head, however many pieces it comes in.
    if (phase_ != Phase::kHead) Enter(Phase::kHead);
    if (co_await socket_.Wait(step.wants, false) != WaitOutcome::kReady) break;
  }
  co_return false;
}

void Connection::Enter(Phase phase) {
  phase_ = phase;
  since_ms_ = environment_.now_ms;
}

int64_t Connection::TimeoutMs() const {
  const HttpServerOptions& options = *environment_.options;
  switch (phase_) {
    case Phase::kIdle:
      return environment_.stopping ? std::min(kStopIdleGrace, options.idle_timeout).count()
                                   : options.idle_timeout.count();
    case Phase::kHead:
      return options.head_timeout.count();
    case Phase::kHandling:
      return INT64_MAX;
    case Phase::kBody:
      return options.body_timeout.count();
    case Phase::kWriting:
      return options.write_timeout.count();
    case Phase::kLingering:
      return kLingerIdle.count();
  }
  return INT64_MAX;
}

void Connection::OnTick() {
  if (phase_ == Phase::kHandling) {
    if (socket_.peer_closed()) OnPeerClosed();
    return;
  }
  const int64_t waited_ms = environment_.now_ms - since_ms_;
  if (waited_ms - environment_.tick_ms < TimeoutMs()) {
    // A buffer is for connections that do something.
    if (phase_ == Phase::kIdle && waited_ms > 0) buffer_.Release();
    return;
  }
  // A request that lies in the socket already is no idleness: its event is on the way.
  if (phase_ == Phase::kIdle && environment_.stopping && socket_.HasUnreadInput()) return;
  socket_.Wake(WaitOutcome::kTimedOut);
}

void Connection::Abort() {
  aborted_ = true;
  CancelHandler();
  socket_.Wake(WaitOutcome::kCancelled);  // may end in this connection's destruction
}

void Connection::CancelHandler() {
  signal_.emit(asio::cancellation_type::terminal);
}

// A client that closes its end while its request is worked on has left; one that has sent more (a
// body, the next request) is heard first.
void Connection::OnPeerClosed() {
  if (phase_ != Phase::kHandling || client_gone_) return;
  if (!socket_.broken() && (!buffer_.unread().empty() || transport_->HasInput())) return;
  client_gone_ = true;
  CancelHandler();
}

bool Connection::SkipEmptyLines() {
  while (buffer_.unread().starts_with("\r\n") && empty_lines_ < kMaxLeadingEmptyLines) {
    buffer_.Consume(2);
    buffer_.FinishRequest();
    ++empty_lines_;
  }
  return buffer_.unread() != "\r";
}

Connection::Next Connection::LookForRequest() {
  if (buffer_.unread().empty() || !SkipEmptyLines()) return Next::kMoreInput;
  const Result<size_t> head_bytes = scanner_.Scan(buffer_.unread());
  const size_t limit = environment_.options->max_head_bytes;
  if (!head_bytes.has_value()) return Refuse(head_bytes.error());
  if (*head_bytes > limit || (*head_bytes == 0 && buffer_.unread().size() >= limit)) {
    return Refuse(HeadTooLarge(limit));
  }
  if (*head_bytes == 0) return Next::kMoreInput;

  scanner_.Reset();
  empty_lines_ = 0;
  buffer_.GrowForBody(*head_bytes);  // before there are views into it
  const std::string_view head = buffer_.unread().substr(0, *head_bytes);
  request_.headers.clear();
  request_.parameters.clear();
  framing_ = Framing();
  const HeadRules rules{.max_headers = environment_.options->max_headers,
                        .loopback_only = origin_.check_host};
  const Result<void> parsed = ParseHead(head, rules, request_, framing_);
  buffer_.BeginBody(*head_bytes);
  if (!parsed.has_value()) return Refuse(parsed.error());
  if (origin_.refused) {
    return Refuse(Unavailable("TOO_MANY_CONNECTIONS",
                              "This server has as many connections as it may have; try again"));
  }
  return Next::kRequest;
}

Connection::Next Connection::Refuse(Error error) {
  refusal_ = std::move(error);
  return Next::kRefused;
}

IoResult Connection::ReadInput() {
  const bool first = buffer_.unread().empty();
  // Room for one byte above the limit at most: more is refused anyway.
  buffer_.Grow(first ? kMinBodyRoomBytes : 1);
  const IoResult read = transport_->Read(buffer_.room(), buffer_.room_bytes());
  if (read.status == IoStatus::kDone) {
    buffer_.Commit(read.bytes);
    if (first) Enter(Phase::kHead);  // the head's time begins with its first byte
  }
  return read;
}

Task<bool> Connection::WaitForInput(Direction direction) {
  if (buffer_.unread().empty() && phase_ != Phase::kIdle) Enter(Phase::kIdle);
  const WaitOutcome outcome = co_await socket_.Wait(direction, false);
  if (outcome == WaitOutcome::kTimedOut && phase_ == Phase::kHead) {
    refusal_ = Error(Code::kDeadlineExceeded, "HEAD_TIMEOUT",
                     "The request's head did not arrive within " +
                         std::to_string(environment_.options->head_timeout.count()) + " ms");
    co_await RefuseAndClose();
  }
  co_return outcome == WaitOutcome::kReady;
}

Task<bool> Connection::Serve() {
  body_.Begin(framing_);
  continue_wanted_ = framing_.expects_continue;
  request_.route = nullptr;
  request_.guard_data = nullptr;
  request_.context.identity.subject = subject_;
  request_.context.identity.grants.clear();
  NameRequest();
  request_.context.deadline = std::chrono::steady_clock::time_point::max();
  Enter(Phase::kHandling);
  HttpResponse response = co_await CallHandler();
  if (client_gone_ || aborted_) co_return false;
  const auto hundreds = static_cast<size_t>(response.status) / 100;
  environment_.requests[hundreds < environment_.requests.size() ? hundreds : 0]->Add(1);
  const bool keep_alive = KeepsAlive();
  if (!co_await WriteResponse(response, keep_alive)) co_return false;
  co_return co_await FinishRequest(keep_alive);
}

// The connection's number and that of the request on it, in at most 15 characters: no memory is
// asked for.
void Connection::NameRequest() {
  std::array<char, 15> text;
  char* end = std::to_chars(text.data(), text.data() + 8, number_, 16).ptr;
  *end++ = '-';
  end = std::to_chars(end, text.data() + text.size(), ++requests_ & 0xffffff, 16).ptr;
  request_.context.request_id.assign(text.data(), end);
}

Task<HttpResponse> Connection::CallHandler() {
  try {
    co_return co_await (*environment_.handler)(request_);
  } catch (const std::exception& failure) {
    if (client_gone_ || aborted_) co_return HttpResponse::Empty(HttpStatus(Code::kCancelled));
    LogError("a handler threw an exception",
             {{"path", request_.path}, {"exception", failure.what()}});
  }
  co_return environment_.options->write_refusal(
      Internal("HANDLER_FAILED", "The server failed at this request; its log says more"));
}

// Whether the connection may go on after this answer: its head has to say so.
bool Connection::KeepsAlive() const {
  if (!request_.keep_alive || environment_.stopping) return false;
  if (body_.finished()) return true;
  // A client that waits for `100 Continue` may or may not send its body now.
  return !continue_wanted_ && body_.EndsWithin(kMaxDiscardedBytes);
}

Task<bool> Connection::FinishRequest(bool keep_alive) {
  if (keep_alive && !body_.finished()) keep_alive = co_await body_.Discard(kMaxDiscardedBytes);
  if (keep_alive) {
    buffer_.FinishRequest();
    Enter(buffer_.unread().empty() ? Phase::kIdle : Phase::kHead);
    if (out_.capacity() > kMaxIdleBufferBytes) std::string().swap(out_);
    co_return true;
  }
  const bool client_closes = !request_.keep_alive && body_.finished();
  if (!client_closes) co_await Linger();
  co_return false;
}

Task<void> Connection::RefuseAndClose() {
  const HttpServerOptions::PathRefusal& special = environment_.options->path_refusal;
  const bool is_special =
      !special.prefix.empty() && TargetOf(buffer_.request()).starts_with(special.prefix);
  const HttpResponse response =
      is_special ? special.write(*refusal_) : environment_.options->write_refusal(*refusal_);
  const auto hundreds = static_cast<size_t>(response.status) / 100;
  environment_.requests[hundreds]->Add(1);
  HttpResponse answer = response;
  request_.method = Method::kOther;  // a HEAD whose head is wrong may get the body
  if (co_await WriteResponse(answer, false)) co_await Linger();
}

Task<void> Connection::RefusePlainHttp() {
  transport_ = MakePlainTransport(socket_);
  refusal_ = InvalidArgument("PLAIN_HTTP",
                             "This port speaks TLS and the request came without it; write https:// "
                             "in place of http://");
  co_await RefuseAndClose();
}

// Closing with unread input resets the connection, and the client may never see the answer. So:
// end our direction, and read until the client ends its own.
Task<void> Connection::Linger() {
  transport_->ShutdownWrite();
  buffer_.Clear();
  buffer_.Grow(kMinBodyRoomBytes);
  const int64_t end_ms = environment_.now_ms + kLingerTotal.count();
  Enter(Phase::kLingering);
  while (!aborted_ && environment_.now_ms < end_ms) {
    const IoResult read = transport_->Read(buffer_.room(), buffer_.room_bytes());
    if (read.status == IoStatus::kDone) {
      since_ms_ = environment_.now_ms;
      co_await Moved(read.bytes);
      continue;
    }
    if (read.status != IoStatus::kWouldBlock) break;
    if (co_await socket_.Wait(read.wants, false) != WaitOutcome::kReady) break;
  }
}

Task<void> Connection::Moved(size_t bytes) {
  moved_in_turn_ += bytes;
  if (moved_in_turn_ < kMaxBytesPerTurn) co_return;
  moved_in_turn_ = 0;
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
}

Task<Result<size_t>> Connection::ReadSocket(char* out, size_t size) {
  if (std::exchange(continue_wanted_, false)) {
    iovec buffer{.iov_base = const_cast<char*>(kContinue.data()), .iov_len = kContinue.size()};
    if (!co_await WriteAll(std::span(&buffer, 1))) co_return ClientGone();
  }
  while (true) {
    if (aborted_ || client_gone_) co_return ClientGone();
    const IoResult read = transport_->Read(out, size);
    if (read.status == IoStatus::kDone) {
      co_await Moved(read.bytes);
      co_return read.bytes;
    }
    if (read.status == IoStatus::kEnd) co_return size_t{0};
    if (read.status != IoStatus::kWouldBlock) co_return ClientGone();
    Enter(Phase::kBody);
    const WaitOutcome outcome = co_await socket_.Wait(read.wants, true);
    Enter(Phase::kHandling);
    if (outcome == WaitOutcome::kCancelled) co_return ClientGone();
    if (outcome == WaitOutcome::kTimedOut) {
      co_return Error(Code::kDeadlineExceeded, "BODY_TIMEOUT",
                      "No byte of the body came for " +
                          std::to_string(environment_.options->body_timeout.count()) + " ms");
    }
  }
}

}  // namespace slipway::net
