#include "gateway/inline_watch.h"

#include <pthread.h>

#include <condition_variable>
#include <mutex>
#include <utility>

#include "gateway/limits.h"

namespace slipway::gateway {

void InlineRun::Begin(exec::Session& session) {
  session_ = &session;
  interrupted_ = false;
  number_.store(number_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  state_.store(kRunning, std::memory_order_release);
}

bool InlineRun::End() {
  uint32_t expected = kRunning;
  while (!state_.compare_exchange_weak(expected, kIdle, std::memory_order_acq_rel)) {
    expected = kRunning;
    std::this_thread::yield();
  }
  return interrupted_;
}

void InlineRun::Look() {
  const uint64_t number = number_.load(std::memory_order_relaxed);
  const bool runs = state_.load(std::memory_order_acquire) == kRunning;
  const bool ran = std::exchange(seen_, runs ? number : 0) == number;
  if (!runs || !ran) return;
  uint32_t expected = kRunning;
  if (!state_.compare_exchange_strong(expected, kHeld, std::memory_order_acq_rel)) return;
  // Another one may have begun in between.
  if (number_.load(std::memory_order_relaxed) == number) {
    interrupted_ = true;
    session_->Interrupt();
  }
  state_.store(kRunning, std::memory_order_release);
}

InlineWatch::InlineWatch(std::function<void()> look)
    : thread_([look = std::move(look)](const std::stop_token& stop) {
        pthread_setname_np(pthread_self(), "inline-watch");
        std::mutex mutex;
        std::condition_variable_any changed;
        std::unique_lock lock(mutex);
        while (!changed.wait_for(lock, stop, kInlineLook, [&] { return stop.stop_requested(); })) {
          look();
        }
      }) {}

}  // namespace slipway::gateway
