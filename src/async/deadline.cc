#include "async/deadline.h"

#include <exception>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace slipway {
namespace {

bool Cancelled(const asio::cancellation_state& state) {
  return state.cancelled() != asio::cancellation_type::none;
}

// One run of RunUntil. Everything happens on one single-threaded executor.
struct Run {
  explicit Run(const asio::any_io_executor& executor) : timer(executor) {}
  asio::steady_timer timer;
  asio::cancellation_signal signal;
  bool ended = false;
  bool expired = false;
};

Task<void> WithoutThrowing(Task<void> work) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await std::move(work);
}

struct Initiate {
  template <class Handler>
  void operator()(Handler handler, const std::shared_ptr<Run>& run, Task<void> work,
                  bool cancelled) const {
    auto executor = asio::get_associated_executor(handler);
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) {
      slot.assign([run](asio::cancellation_type type) { run->signal.emit(type); });
    }
    run->timer.async_wait([run](const boost::system::error_code& aborted) {
      if (aborted || run->ended) return;
      run->expired = true;
      run->signal.emit(asio::cancellation_type::terminal);
    });
    auto done = [run, handler = std::move(handler)](const std::exception_ptr& failure) mutable {
      run->ended = true;
      run->timer.cancel();
      std::move(handler)(failure);
    };
    asio::co_spawn(executor, WithoutThrowing(std::move(work)),
                   asio::bind_cancellation_slot(run->signal.slot(), std::move(done)));
    if (cancelled && !run->ended) run->signal.emit(asio::cancellation_type::terminal);
  }
};

}  // namespace

namespace deadline_impl {

Task<bool> RunUntil(std::chrono::steady_clock::time_point deadline, Task<void> work) {
  const bool cancelled = Cancelled(co_await asio::this_coro::cancellation_state);
  auto run = std::make_shared<Run>(co_await asio::this_coro::executor);
  run->timer.expires_at(deadline);
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
      Initiate(), asio::use_awaitable, run, std::move(work), cancelled);
  co_return run->expired;
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
