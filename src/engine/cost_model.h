// CostModel: what a run of a model takes, learnt from runs.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>
#include <optional>

namespace slipway::engine {

// Keeps one smoothed duration for each power of two of input elements. Thread-safe and without
// locks: two threads that observe at the same time may lose one observation, no more.
class CostModel {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  void Observe(uint64_t elements, Nanoseconds duration) {
    Cell& cell = cells_[CellOf(elements)];
    const uint32_t seen = cell.runs.load(std::memory_order_relaxed);
    const int64_t old = cell.ns.load(std::memory_order_relaxed);
    const int64_t now = std::max<int64_t>(duration.count(), 1);
    int64_t next = now;
    if (seen > 0 && now > old) {
      // One slow run is mostly somebody else's doing: it counts at most twice the old duration.
      next = old + (std::min(now, 2 * old) - old + 7) / 8;
    } else if (seen > 0) {
      next = old - (old - now) / 4;
    }
    cell.ns.store(next, std::memory_order_relaxed);
    if (seen < kRunsNeeded) cell.runs.store(seen + 1, std::memory_order_relaxed);
  }

  // The expected duration of a run with so many input elements; nothing before kRunsNeeded runs of
  // about that size, or of half of it (which counts double), were seen.
  std::optional<Nanoseconds> Predict(uint64_t elements) const {
    const size_t at = CellOf(elements);
    if (const auto known = Known(at)) return known;
    if (at == 0) return std::nullopt;
    const auto half = Known(at - 1);
    return half ? std::optional(*half * 2) : std::nullopt;
  }

 private:
  static constexpr uint32_t kRunsNeeded = 3;
  struct Cell {
    std::atomic<uint32_t> runs{0};
    std::atomic<int64_t> ns{0};
  };

  static size_t CellOf(uint64_t elements) {
    return std::min<size_t>(static_cast<size_t>(std::bit_width(elements)), kCells - 1);
  }
  std::optional<Nanoseconds> Known(size_t at) const {
    if (cells_[at].runs.load(std::memory_order_relaxed) < kRunsNeeded) return std::nullopt;
    return Nanoseconds(cells_[at].ns.load(std::memory_order_relaxed));
  }

  static constexpr size_t kCells = 42;  // up to tensor::kMaxElements
  std::array<Cell, kCells> cells_{};
};

}  // namespace slipway::engine
