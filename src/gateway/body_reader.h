// BodyReader of the gateway: request bodies in memory, within a limit for each and for all.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "async/task.h"
#include "base/result.h"
#include "net/http_message.h"

namespace slipway::gateway {

// Bytes of bodies that are in memory now. Shared by all cores.
class BodyBudget {
 public:
  explicit BodyBudget(uint64_t limit) : limit_(limit) {}
  [[nodiscard]] bool Take(uint64_t bytes) {
    if (used_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= limit_) return true;
    Give(bytes);
    return false;
  }
  void Give(uint64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  const uint64_t limit_;
  std::atomic<uint64_t> used_{0};
};

// A body with what it takes of the budget, given back when it goes.
class HeldBody {
 public:
  HeldBody() = default;
  ~HeldBody() { Drop(); }
  HeldBody(const HeldBody&) = delete;
  HeldBody& operator=(const HeldBody&) = delete;

  // Reads the whole body, of at most `limit_bytes`: RESOURCE_EXHAUSTED / BODY_TOO_LARGE, or
  // BODIES_TOO_MANY when the budget is used up; errors of net::BodyReader. Memory grows as bytes
  // arrive: what a client only announces costs nothing.
  Task<Result<void>> Read(net::BodyReader& reader, uint64_t limit_bytes, BodyBudget& budget);
  // At least kBodyPadding readable bytes are behind it.
  std::string_view text() const { return std::string_view(bytes_).substr(0, size_); }
  void Drop();

 private:
  Result<void> Grow(std::optional<uint64_t> declared, uint64_t limit_bytes);

  std::string bytes_;
  size_t size_ = 0;
  uint64_t taken_ = 0;
  BodyBudget* budget_ = nullptr;
};

}  // namespace slipway::gateway
