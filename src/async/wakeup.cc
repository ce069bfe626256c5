#include "async/wakeup.h"

#include <atomic>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/check.h"

namespace slipway {

// The timer is touched on the executor only; the flag from everywhere.
struct Wakeup::State {
  explicit State(const asio::any_io_executor& executor) : timer(executor) {}

  asio::steady_timer timer;
  std::atomic<bool> notified{false};
  bool waiting = false;
};

namespace {

using TimePoint = asio::steady_timer::time_point;

}  // namespace

Wakeup::Wakeup(asio::any_io_executor executor) : state_(std::make_shared<State>(executor)) {}

Wakeup::~Wakeup() {
  CHECK_NOTE(!state_->waiting, "a task waits for a Wakeup that is destroyed");
}

void Wakeup::Notify() {
  if (state_->notified.exchange(true)) return;  // that one's cancel is on its way or came
  asio::post(state_->timer.get_executor(), [state = state_] { state->timer.cancel(); });
}

namespace {

// Waits until the flag is set (and takes it), the time is over or the task is cancelled. A cancel
// of the timer that belongs to a notification already taken only makes it look again.
template <class State>
Task<bool> WaitUntil(std::shared_ptr<State> state, TimePoint end) {
  CHECK(!state->waiting);
  state->waiting = true;
  bool notified = state->notified.exchange(false);
  while (!notified) {
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) break;
    state->timer.expires_at(end);
    boost::system::error_code aborted;
    co_await state->timer.async_wait(asio::redirect_error(asio::use_awaitable, aborted));
    notified = state->notified.exchange(false);
    if (!aborted) break;
  }
  state->waiting = false;
  co_return notified;
}

}  // namespace

Task<bool> Wakeup::Wait() {
  return WaitUntil(state_, TimePoint::max());
}

Task<bool> Wakeup::WaitFor(std::chrono::milliseconds duration) {
  return WaitUntil(state_, asio::steady_timer::clock_type::now() + duration);
}

}  // namespace slipway
