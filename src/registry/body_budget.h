// BodyBudget: bytes of request bodies that are in memory, of all connections together. For the
// .cc files of this module.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>

#include "async/guarded.h"
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

// Such a budget of which no project may have more than a quarter. Thread-safe.
class FairBudget {
 public:
  explicit FairBudget(uint64_t limit) : limit_(limit) {}

  // What one project takes of it. `all` outlives it.
  class OfProject final : public net::MemoryBudget {
   public:
    OfProject(FairBudget& all, std::string project) : all_(all), project_(std::move(project)) {}
    [[nodiscard]] bool Take(uint64_t bytes) override { return all_.Take(project_, bytes); }
    void Give(uint64_t bytes) override { all_.Give(project_, bytes); }

   private:
    FairBudget& all_;
    const std::string project_;
  };

 private:
  struct Used {
    uint64_t all = 0;
    std::unordered_map<std::string, uint64_t> by_project;  // of those that have any
  };

  bool Take(const std::string& project, uint64_t bytes) {
    return used_.With([&](Used& used) {
      const auto found = used.by_project.find(project);
      const uint64_t own = found == used.by_project.end() ? 0 : found->second;
      if (bytes > limit_ - used.all || own + bytes > limit_ / 4) return false;
      used.all += bytes;
      used.by_project[project] = own + bytes;
      return true;
    });
  }
  void Give(const std::string& project, uint64_t bytes) {
    used_.With([&](Used& used) {
      used.all -= bytes;
      const auto found = used.by_project.find(project);
      found->second -= bytes;
      if (found->second == 0) used.by_project.erase(found);
    });
  }

  const uint64_t limit_;
  Guarded<Used> used_;
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
