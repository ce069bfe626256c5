#include "async/completion.h"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace slipway {
namespace {

using Start = std::function<void(std::function<void()> done)>;

// Asio's initiation of AwaitDone: turns the coroutine's handler into a copyable function.
struct Initiate {
  template <class Handler>
  void operator()(Handler handler, const Start& start, const std::function<void()>& cancel,
                  bool cancelled) const {
    if (cancel && !cancelled) {
      auto slot = asio::get_associated_cancellation_slot(handler);
      if (slot.is_connected()) {
        slot.assign([cancel](asio::cancellation_type) { cancel(); });
      }
    }
    // Tracked: the loop stays alive as long as somebody waits on it.
    auto executor = asio::prefer(asio::get_associated_executor(handler),
                                 asio::execution::outstanding_work.tracked);
    auto waiting = std::make_shared<Handler>(std::move(handler));
    start([waiting, executor] { asio::post(executor, [waiting] { std::move (*waiting)(); }); });
    if (cancel && cancelled) cancel();
  }
};

}  // namespace

Task<void> AwaitDone(Start start, std::function<void()> cancel) {
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  const bool cancelled = state.cancelled() != asio::cancellation_type::none;
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
      Initiate(), asio::use_awaitable, start, cancel, cancelled);
}

}  // namespace slipway
