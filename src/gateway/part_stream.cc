#include "gateway/part_stream.h"

#include <utility>

#include <boost/asio/this_coro.hpp>

#include "async/task_group.h"
#include "gateway/limits.h"

namespace slipway::gateway {
namespace {

// The run itself; its last answer is a part like the others.
Task<void> RunAll(Exchange& exchange, const WritePart& write, PartStream& parts) {
  const Result<void> ran = co_await exchange.RunInTime();
  if (ran.has_value()) parts.Push(write(true));
  parts.End(ran);
}

}  // namespace

void PartStream::Push(Result<std::string> part) {
  state_.With([&](State& state) {
    if (state.result) return;
    if (part.has_error()) {
      state.result = part.error();
    } else if (state.bytes + part->size() > kMaxWaitingPartBytes && !state.parts.empty()) {
      state.result = ResourceExhausted("CLIENT_SLOW",
                                       "the request was ended, for its answers came faster than "
                                       "they were read: read them at once");
    } else {
      state.bytes += part->size();
      state.parts.push_back(*std::move(part));
    }
  });
  wakeup_.Notify();
}

void PartStream::End(Result<void> result) {
  state_.With([&](State& state) {
    if (!state.result) state.result = std::move(result);
  });
  wakeup_.Notify();
}

Task<std::optional<std::string>> PartStream::Next() {
  while (true) {
    bool is_ended = false;
    std::optional<std::string> part = state_.With([&](State& state) {
      std::optional<std::string> first;
      is_ended = state.parts.empty() && state.result.has_value();
      if (state.parts.empty()) return first;
      first = std::move(state.parts.front());
      state.parts.pop_front();
      state.bytes -= first->size();
      return first;
    });
    if (part || is_ended) co_return part;
    if (!co_await wakeup_.Wait()) co_return std::nullopt;
  }
}

Result<void> PartStream::result() const {
  return state_.With([](const State& state) {
    return state.result.value_or(
        Error(Code::kCancelled, "REQUEST_CANCELLED", "the request was cancelled"));
  });
}

Task<Result<void>> RunInParts(Exchange& exchange, WritePart write, SendPart send) {
  const auto executor = co_await asio::this_coro::executor;
  PartStream parts(executor);
  const std::function<void()> on_part = [&parts, &write] { parts.Push(write(false)); };
  exchange.AnswerInParts(on_part);
  TaskGroup running(executor);
  running.Start([&] { return RunAll(exchange, write, parts); });
  bool is_wanted = true;
  while (is_wanted) {
    std::optional<std::string> part = co_await parts.Next();
    if (!part) break;
    is_wanted = co_await send(*std::move(part));
  }
  // Ends the run, if it is not over: nobody takes what it says.
  if (!is_wanted) parts.End(Error(Code::kCancelled, "REQUEST_CANCELLED", "nobody reads it"));
  const Result<void> result = parts.result();
  co_await running.Stop();
  co_return result;
}

}  // namespace slipway::gateway
