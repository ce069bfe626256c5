// MemoryBudget: memory that requests take, counted for all connections together.
#pragma once

#include <cstdint>

namespace slipway::net {

// Thread-safe. Whoever takes gives back.
class MemoryBudget {
 public:
  [[nodiscard]] virtual bool Take(uint64_t bytes) = 0;
  virtual void Give(uint64_t bytes) = 0;

 protected:
  ~MemoryBudget() = default;
};

}  // namespace slipway::net
