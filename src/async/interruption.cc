#include "async/interruption.h"

#include <boost/asio/post.hpp>

#include "async/cancellable.h"

namespace slipway {

Interruption::State::State(asio::any_io_executor core) : executor(std::move(core)) {}

Interruption::Interruption(asio::any_io_executor executor)
    : state_(std::make_shared<State>(std::move(executor))) {}

void Interruption::Ask() {
  if (state_->asked.exchange(true)) return;
  asio::post(state_->executor, [state = state_] {
    if (state->cancel) state->cancel();
  });
}

bool Interruption::asked() const {
  return state_->asked;
}

Task<void> Interruption::RunErased(Task<void> work) {
  const std::shared_ptr<State> state = state_;
  co_await RunCancellable(std::move(work), [state](std::function<bool()> cancel) {
    state->cancel = cancel;
    // The turn of the one who asked may have come before there was anything to cancel.
    if (state->asked) asio::post(state->executor, std::move(cancel));
  });
  state->cancel = nullptr;
}

}  // namespace slipway
