#include "async/deadline.h"

#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "async/cancellable.h"

namespace slipway {
namespace {

bool Cancelled(const asio::cancellation_state& state) {
  return state.cancelled() != asio::cancellation_type::none;
}

}  // namespace

namespace deadline_impl {

Task<bool> RunUntil(std::chrono::steady_clock::time_point deadline, Task<void> work) {
  auto timer = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, deadline);
  auto expired = std::make_shared<bool>(false);
  co_await RunCancellable(std::move(work), [timer, expired](std::function<bool()> cancel) {
    timer->async_wait(
        [expired, cancel = std::move(cancel)](const boost::system::error_code& aborted) {
          if (!aborted) *expired = cancel();
        });
  });
  timer->cancel();
  co_return *expired;
}

Error DeadlineError() {
  return Error(Code::kDeadlineExceeded, "DEADLINE",
               "The time for this call is over; try again, or allow it more time");
}

}  // namespace deadline_impl

Task<bool> SleepFor(std::chrono::milliseconds duration) {
  if (Cancelled(co_await asio::this_coro::cancellation_state)) co_return false;
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  boost::system::error_code aborted;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, aborted));
  co_return !aborted;
}

Task<bool> IsCancelled() {
  co_return Cancelled(co_await asio::this_coro::cancellation_state);
}

}  // namespace slipway
