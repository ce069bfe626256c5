// PassedRun: one request on its way through a program that speaks HTTP of its own: its run on the
// engine threads, and the parts of the answer on their way to the core.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "async/wakeup.h"
#include "base/result.h"
#include "gateway/body_reader.h"
#include "gateway/exchange.h"
#include "gateway/http/passed_headers.h"

namespace slipway::gateway::http {

// The body of a request, in memory until its run is over.
struct PassedBody {
  HeldBody held;
  std::string buffered;  // what came together with the head
  std::string_view text;
};

struct Part {
  std::vector<std::string> head;  // of the first part, see engine/passed_http.h
  std::string body;
};

// Lives until its run is over, which may be after the request is; on its core, but for the thread
// of the run.
class PassedRun {
 public:
  PassedRun(asio::any_io_executor executor, RevisionRuntime& revision, CoreSlot& core,
            Exchange::Clock::time_point arrived, std::shared_ptr<const PassedBody> body);

  Exchange& exchange() { return exchange_; }
  // RESOURCE_EXHAUSTED / BODIES_TOO_MANY, TENSOR_MEMORY.
  Result<void> SetRequest(std::string_view method, std::string_view target, const Headers& headers);
  // Runs to the end, and counts it.
  static Task<void> Run(std::shared_ptr<PassedRun> self);

  // Waits for the next part. Nothing at the end, or when the waiting is cancelled.
  Task<std::optional<Part>> Next();
  // Whether all is said, and all of it was taken.
  bool is_over();
  // How it ended; CANCELLED / REQUEST_CANCELLED where it has not.
  Result<void> result();
  // Nobody takes what comes, and the request's record goes: ends the run, if it is not over.
  void Abandon();

 private:
  Part TakePart();
  // On the thread of the run: waits until the client has taken enough of what came before.
  void Push(Part part);
  void End(Result<void> result);

  const std::shared_ptr<const PassedBody> body_;
  const Exchange::Clock::time_point deadline_;
  Exchange exchange_;
  const std::function<void()> on_part_;
  Wakeup wakeup_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::deque<Part> parts_;
  size_t bytes_ = 0;  // in parts_
  std::optional<Result<void>> result_;
  bool is_abandoned_ = false;
  bool is_done_ = false;  // the run is
};

}  // namespace slipway::gateway::http
