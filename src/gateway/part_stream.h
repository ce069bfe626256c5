// PartStream: the answers of one run that has several, from the thread of the run to its core.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "async/guarded.h"
#include "async/task.h"
#include "async/wakeup.h"
#include "base/result.h"
#include "gateway/exchange.h"

namespace slipway::gateway {

class PartStream {
 public:
  explicit PartStream(asio::any_io_executor core) : wakeup_(std::move(core)) {}

  // Any thread. An error is the end, and so are more than kMaxWaitingPartBytes that nobody took:
  // RESOURCE_EXHAUSTED / CLIENT_SLOW. What comes after the end is dropped.
  void Push(Result<std::string> part);
  void End(Result<void> result);

  // On the core: waits for the next part. Nothing at the end, or when the waiting is cancelled.
  Task<std::optional<std::string>> Next();
  // After the end.
  Result<void> result() const;

 private:
  struct State {
    std::deque<std::string> parts;
    size_t bytes = 0;
    std::optional<Result<void>> result;
  };
  Guarded<State> state_;
  Wakeup wakeup_;
};

// Makes a message of what exchange.outputs() hold; `last` says whether another follows. On the
// thread of the run.
using WritePart = std::function<Result<std::string>(bool last)>;
// Takes a message on the core; false: nobody wants more.
using SendPart = std::function<Task<bool>(std::string part)>;

// Runs a complete exchange whose model may answer any number of times, and sends each answer as it
// comes. How it ended: the errors of Exchange::RunInTime, of `write`, CLIENT_SLOW, or CANCELLED /
// REQUEST_CANCELLED where nobody wanted more. Not counted.
Task<Result<void>> RunInParts(Exchange& exchange, WritePart write, SendPart send);

}  // namespace slipway::gateway
