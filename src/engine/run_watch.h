// RunWatch: ends runs whose time is over in engines that do not look at the time themselves.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/result.h"
#include "exec/model.h"

namespace slipway::engine {

// How often a run is looked at; one whose time is over is interrupted at each look until it ends.
inline constexpr std::chrono::milliseconds kRunLook{20};

// For runs that nobody else watches, those of a warm-up: a model whose loop never ends must end
// with its time. Has a thread of its own, which costs a run nothing that can be measured.
class RunWatch {
 public:
  // `stop`: nobody wants what comes of the runs any more.
  explicit RunWatch(std::stop_token stop = {});

  // As engine::RunAndWait; the run is interrupted, until it ends, from its deadline or `stop` on.
  // One run at a time. DEADLINE_EXCEEDED / RUN_DEADLINE and CANCELLED / RUN_CANCELLED for a run
  // that did not end well after that. Its `cancelled` is this one's own.
  Result<void> RunAndWait(exec::Session& session, exec::Run run);
  bool stopped() const { return stop_.stop_requested(); }

 private:
  void Look();

  const std::stop_token stop_;
  std::atomic<uint32_t> cancelled_{0};
  std::mutex mutex_;
  exec::Session* session_ = nullptr;  // of the run under way
  std::chrono::steady_clock::time_point deadline_;
  std::jthread thread_;
};

}  // namespace slipway::engine
