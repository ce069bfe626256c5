// BodyBudget: bytes of request bodies that are in memory, of all connections together. For the
// .cc files of this module.
#pragma once

#include <atomic>
#include <cstdint>

#include "net/memory_budget.h"

namespace slipway::registry {

// Thread-safe: shared by all cores.
class BodyBudget final : public net::MemoryBudget {
 public:
  explicit BodyBudget(uint64_t limit) : limit_(limit) {}
  [[nodiscard]] bool Take(uint64_t bytes) override {
    uint64_t used = used_.load(std::memory_order_relaxed);
    do {
      if (used > limit_ || bytes > limit_ - used) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    return true;
  }
  void Give(uint64_t bytes) override { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  const uint64_t limit_;
  std::atomic<uint64_t> used_{0};
};

// What one holder has of a budget; given back when it goes. The budget outlives it.
class BudgetShare {
 public:
  explicit BudgetShare(net::MemoryBudget& budget) : budget_(budget) {}
  ~BudgetShare() { Shrink(0); }
  BudgetShare(const BudgetShare&) = delete;
  BudgetShare& operator=(const BudgetShare&) = delete;

  // To so many bytes in all; false, and all is as it was, if there are not so many.
  [[nodiscard]] bool Grow(uint64_t bytes) {
    if (bytes <= taken_) return true;
    if (!budget_.Take(bytes - taken_)) return false;
    taken_ = bytes;
    return true;
  }
  void Shrink(uint64_t bytes) {
    if (bytes >= taken_) return;
    budget_.Give(taken_ - bytes);
    taken_ = bytes;
  }

 private:
  net::MemoryBudget& budget_;
  uint64_t taken_ = 0;
};

}  // namespace slipway::registry
