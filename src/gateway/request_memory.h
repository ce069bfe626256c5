// RequestMemory: memory of requests in flight, bounded for all of them together.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "base/result.h"
#include "gateway/limits.h"
#include "net/memory_budget.h"

namespace slipway::gateway {

// Bytes of bodies, tensors and answers that are in memory now. Shared by all cores.
class BodyBudget final : public net::MemoryBudget {
 public:
  explicit BodyBudget(uint64_t limit) : limit_(limit) {}
  [[nodiscard]] bool Take(uint64_t bytes) override { return TakeUpTo(limit_, bytes); }
  // For the bytes of a body that is being read: half of the memory is left to those requests that
  // are read already, so that many that begin cannot keep all of them from their end.
  [[nodiscard]] bool TakeForBody(uint64_t bytes) { return TakeUpTo(limit_ / 2, bytes); }
  void Give(uint64_t bytes) override { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  uint64_t limit() const { return limit_; }

 private:
  bool TakeUpTo(uint64_t most, uint64_t bytes) {
    uint64_t used = used_.load(std::memory_order_relaxed);
    do {
      if (used > most || bytes > most - used) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    return true;
  }

  const uint64_t limit_;
  std::atomic<uint64_t> used_{0};
};

// What one request has taken, given back when this goes. The first kUncountedBytes are free: small
// requests share no counter. Not thread-safe.
class MemoryHold {
 public:
  explicit MemoryHold(net::MemoryBudget& budget) : budget_(&budget) {}
  ~MemoryHold() { Drop(); }
  MemoryHold(MemoryHold&& other) noexcept
      : budget_(other.budget_),
        held_(std::exchange(other.held_, 0)),
        taken_(std::exchange(other.taken_, 0)) {}
  MemoryHold& operator=(MemoryHold&&) = delete;

  // Before the memory is allocated. RESOURCE_EXHAUSTED / BODIES_TOO_MANY.
  Result<void> Take(uint64_t bytes) {
    if (held_ + bytes > kUncountedBytes) {
      const uint64_t more = held_ + bytes - taken_;
      if (!budget_->Take(more)) {
        return ResourceExhausted("BODIES_TOO_MANY",
                                 "all requests together take too much memory: try again");
      }
      taken_ += more;
    }
    held_ += bytes;
    return {};
  }
  void Drop() {
    if (taken_ > 0) budget_->Give(taken_);
    held_ = taken_ = 0;
  }

 private:
  net::MemoryBudget* budget_;
  uint64_t held_ = 0;
  uint64_t taken_ = 0;  // of the budget
};

}  // namespace slipway::gateway
