#include "engine/run_watch.h"

#include <pthread.h>

#include <condition_variable>
#include <utility>

#include "engine/loaded_model.h"

namespace slipway::engine {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

RunWatch::RunWatch(std::stop_token stop)
    : stop_(std::move(stop)), thread_([this](const std::stop_token& end) {
        pthread_setname_np(pthread_self(), "run-watch");
        std::mutex mutex;
        std::condition_variable_any changed;
        std::unique_lock lock(mutex);
        while (!changed.wait_for(lock, end, kRunLook, [&] { return end.stop_requested(); })) Look();
      }) {}

Result<void> RunWatch::RunAndWait(exec::Session& session, exec::Run run) {
  run.cancelled = &cancelled_;
  if (stopped()) return Error(Code::kCancelled, "RUN_CANCELLED", "nobody waits for the run");
  {
    std::lock_guard lock(mutex_);
    deadline_ = run.deadline;
    session_ = &session;
  }
  Result<void> ran = engine::RunAndWait(session, run);
  {
    std::lock_guard lock(mutex_);
    session_ = nullptr;
  }
  if (ran.has_value()) return ran;
  if (stopped()) return Error(Code::kCancelled, "RUN_CANCELLED", "the run was ended early");
  if (Clock::now() < run.deadline) return ran;
  return Error(Code::kDeadlineExceeded, "RUN_DEADLINE", "the run did not end in its time");
}

// Once more at each look: a run that is only about to begin may not hear of it yet.
void RunWatch::Look() {
  std::lock_guard lock(mutex_);
  if (session_ == nullptr) return;
  const bool stopped = stop_.stop_requested();
  if (!stopped && Clock::now() < deadline_) return;
  if (stopped) cancelled_.store(1, std::memory_order_relaxed);
  session_->Interrupt();
}

}  // namespace slipway::engine
