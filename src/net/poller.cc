#include "net/poller.h"

#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/limits.h"

namespace slipway::net {
namespace {

// Events of one turn; then the core's other work gets its turn.
constexpr int kMaxEvents = 64;

}  // namespace

Poller::Poller(asio::any_io_executor executor, Clock& clock)
    : executor_(std::move(executor)), clock_(clock) {}

Poller::~Poller() {
  if (epoll_ >= 0) close(epoll_);
}

Result<void> Poller::Open() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return SystemError(errno, "cannot create an epoll instance");
  return {};
}

Task<void> Poller::Run() {
  asio::posix::stream_descriptor descriptor(executor_);
  descriptor.assign(epoll_);
  while (true) {
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) break;
    if (Dispatch()) {
      co_await asio::post(executor_, asio::use_awaitable);
      continue;
    }
    boost::system::error_code failure;
    co_await descriptor.async_wait(asio::posix::descriptor_base::wait_read,
                                   asio::redirect_error(asio::use_awaitable, failure));
  }
  static_cast<void>(descriptor.release());
}

bool Poller::Dispatch() {
  std::array<epoll_event, kMaxEvents> events;
  const int count = epoll_wait(epoll_, events.data(), kMaxEvents, 0);
  if (count <= 0) return false;
  batch_ = std::span(events.data(), static_cast<size_t>(count));
  events_left_ = batch_.size();
  for (const epoll_event& event : batch_) {
    --events_left_;
    if (event.data.ptr != nullptr) {
      static_cast<PolledSocket*>(event.data.ptr)->OnEvents(event.events);
    }
    if (IsDeferralOver()) WakeDeferred();
  }
  batch_ = {};
  WakeDeferred();
  return count == kMaxEvents;
}

void Poller::Defer(PolledSocket* socket) {
  if (deferred_.empty()) deferred_since_ = clock_.Steady();
  deferred_.push_back(socket);
}

// The clock is read only while somebody waits: once for each event.
bool Poller::IsDeferralOver() const {
  if (deferred_.empty()) return false;
  return deferred_.size() >= kMaxDeferredAnswers ||
         clock_.Steady() - deferred_since_ >= kMaxDeferral;
}

void Poller::WakeDeferred() {
  // In the middle of a turn, who is woken may answer its next request and wait again: that is for
  // the next time.
  woken_.swap(deferred_);
  // By index, for what is woken may end in the destruction of other sockets; see Remove.
  for (size_t i = 0; i < woken_.size(); ++i) {
    PolledSocket* const socket = woken_[i];
    if (socket == nullptr || !socket->deferred_) continue;
    socket->deferred_ = false;
    socket->Wake(WaitOutcome::kReady);
  }
  woken_.clear();
}

Result<void> Poller::Add(int descriptor, PolledSocket* socket) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = socket;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) {
    return SystemError(errno, "cannot watch a socket");
  }
  return {};
}

void Poller::Remove(int descriptor, PolledSocket* socket) {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
  for (epoll_event& event : batch_) {
    if (event.data.ptr == socket) event.data.ptr = nullptr;
  }
  std::ranges::replace(deferred_, socket, nullptr);
  std::ranges::replace(woken_, socket, nullptr);
}

PolledSocket::PolledSocket(Poller& poller, int descriptor, Observer* observer)
    : poller_(poller),
      descriptor_(descriptor),
      observer_(observer),
      self_(std::make_shared<PolledSocket*>(this)) {}

PolledSocket::~PolledSocket() {
  *self_ = nullptr;
  if (registered_) poller_.Remove(descriptor_, this);
  close(descriptor_);
}

Result<void> PolledSocket::Register() {
  TRY_VOID(poller_.Add(descriptor_, this));
  registered_ = true;
  return {};
}

bool PolledSocket::HasUnreadInput() const {
  int unread = 0;
  return ioctl(descriptor_, FIONREAD, &unread) == 0 && unread > 0;
}

void PolledSocket::Wake(WaitOutcome outcome) {
  deferred_ = false;
  if (!handler_.empty()) handler_.Call(outcome);
}

void PolledSocket::CancelWait::operator()(asio::cancellation_type) const {
  const PolledSocket* const socket = *self;
  if (socket == nullptr) return;
  asio::post(socket->poller_.executor_, [waiting = self, wait_number = number] {
    PolledSocket* const still_there = *waiting;
    if (still_there != nullptr && still_there->wait_number_ == wait_number) {
      still_there->Wake(WaitOutcome::kCancelled);
    }
  });
}

void PolledSocket::OnEvents(uint32_t events) {
  constexpr uint32_t kBroken = EPOLLHUP | EPOLLERR;
  if ((events & (EPOLLIN | EPOLLRDHUP | kBroken)) != 0) readable_ = true;
  const bool writable_now = !writable_ && (events & (EPOLLOUT | kBroken)) != 0;
  if (writable_now) writable_ = true;
  if ((events & kBroken) != 0) broken_ = true;
  const bool closed_now = !peer_closed_ && (events & (EPOLLRDHUP | kBroken)) != 0;
  if (closed_now) peer_closed_ = true;
  if (!handler_.empty() && !deferred_ && ready(waits_for_)) {
    handler_.Call(WaitOutcome::kReady);  // may end in the socket's destruction
    return;
  }
  if (closed_now) {
    observer_->OnPeerClosed();
  } else if (writable_now) {
    observer_->OnWritable();
  }
}

}  // namespace slipway::net
