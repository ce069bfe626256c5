#include "async/cancellable.h"

#include <exception>
#include <memory>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace slipway {
namespace {

using Arm = std::function<void(std::function<bool()> cancel)>;

// Everything happens on one single-threaded executor.
struct Run {
  asio::cancellation_signal signal;
  bool ended = false;
};

Task<void> WithoutThrowing(Task<void> work) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await std::move(work);
}

struct Initiate {
  template <class Handler>
  void operator()(Handler handler, const Arm& arm, Task<void> work, bool cancelled) const {
    auto run = std::make_shared<Run>();
    auto executor = asio::get_associated_executor(handler);
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) {
      slot.assign([run](asio::cancellation_type type) { run->signal.emit(type); });
    }
    arm([run] {
      if (run->ended) return false;
      run->signal.emit(asio::cancellation_type::terminal);
      return true;
    });
    auto done = [run, handler = std::move(handler)](const std::exception_ptr& failure) mutable {
      run->ended = true;
      std::move(handler)(failure);
    };
    asio::co_spawn(executor, WithoutThrowing(std::move(work)),
                   asio::bind_cancellation_slot(run->signal.slot(), std::move(done)));
    if (cancelled && !run->ended) run->signal.emit(asio::cancellation_type::terminal);
  }
};

}  // namespace

Task<void> RunCancellable(Task<void> work, Arm arm) {
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  const bool cancelled = state.cancelled() != asio::cancellation_type::none;
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
      Initiate(), asio::use_awaitable, arm, std::move(work), cancelled);
}

}  // namespace slipway
