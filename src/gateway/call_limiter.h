// CallLimiter: holds one caller to its routing::CallLimits, whatever core its requests are on.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "gateway/core_slot.h"
#include "net/http_message.h"
#include "routing/call_limits.h"

namespace slipway::gateway {

// Thread-safe, without a lock: cores share two numbers of a caller that has limits, and nothing of
// others. Exact: of the requests that any time w sees, burst + w * rate get through, not one more.
class CallLimiter {
 public:
  using Clock = std::chrono::steady_clock;

  explicit CallLimiter(const routing::CallLimits& limits);
  const routing::CallLimits& limits() const { return limits_; }

  // Counts one request of now; else how long it takes until one gets through.
  std::optional<Clock::duration> Take(Clock::time_point now);
  // Counts one more at the same time, which Leave takes back; false: there are enough.
  bool Enter();
  void Leave() { inside_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  const routing::CallLimits limits_;
  const int64_t spacing_ns_;  // between two requests in the long run; 0: any
  const int64_t slack_ns_;    // that a burst may be ahead of that
  // When the next would be due if all were evenly spaced ("generic cell rate algorithm").
  std::atomic<int64_t> due_ns_{INT64_MIN};
  std::atomic<int32_t> inside_{0};
};

// The place of a request among those at the same time.
class CallPermit {
 public:
  CallPermit() = default;
  explicit CallPermit(std::shared_ptr<CallLimiter> limiter) : limiter_(std::move(limiter)) {}
  CallPermit(CallPermit&&) noexcept = default;
  CallPermit& operator=(CallPermit&& other) noexcept {
    std::swap(limiter_, other.limiter_);
    return *this;
  }
  ~CallPermit() {
    if (limiter_ != nullptr) limiter_->Leave();
  }

 private:
  std::shared_ptr<CallLimiter> limiter_;
};

Result<CallPermit> AdmitLimited(CoreSlot& core, const ServiceEntry& service,
                                std::optional<std::string_view> authorization);
Result<CallPermit> AdmitLimited(CoreSlot& core, const net::HttpRequest& request);

// One inference of who sent this Authorization, who is allowed to infer on the service:
// RESOURCE_EXHAUSTED / RATE_LIMITED or CONCURRENCY_LIMITED, with the detail retry_after_s.
inline Result<CallPermit> Admit(CoreSlot& core, const ServiceEntry& service,
                                std::optional<std::string_view> authorization) {
  if (!core.snapshot->has_limits()) [[likely]] {
    return CallPermit();
  }
  return AdmitLimited(core, service, authorization);
}
// The same of a request's route; where the service does not exist the handler says so.
inline Result<CallPermit> Admit(CoreSlot& core, const net::HttpRequest& request) {
  if (!core.snapshot->has_limits()) [[likely]] {
    return CallPermit();
  }
  return AdmitLimited(core, request);
}

}  // namespace slipway::gateway
