// Cells: the numbers behind counters and histograms, one copy for each thread that writes.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace slipway::metrics {

constexpr size_t kCellsPerChunk = 1024;
constexpr size_t kMaxChunks = 1024;  // a million cells: more is a label that is not bounded

using Cell = std::atomic<uint64_t>;
using Chunk = std::array<Cell, kCellsPerChunk>;

// The cells of one thread. Only that thread writes them; readers sum them up under the lock of
// CellSpace. A chunk is made when the thread first writes into it.
class ThreadCells {
 public:
  ThreadCells();   // registers with the CellSpace
  ~ThreadCells();  // adds what it has to the totals of ended threads

  void Add(size_t index, uint64_t amount) {
    Chunk* chunk = chunks_[index / kCellsPerChunk].load(std::memory_order_relaxed);
    if (chunk == nullptr) chunk = MakeChunk(index / kCellsPerChunk);
    Cell& cell = (*chunk)[index % kCellsPerChunk];
    cell.store(cell.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  uint64_t Value(size_t index) const;

 private:
  Chunk* MakeChunk(size_t number);

  std::array<std::atomic<Chunk*>, kMaxChunks> chunks_{};
};

// The cells of the calling thread.
ThreadCells& CurrentCells();

// Hands out indexes and sums cells over threads. Never destroyed.
class CellSpace {
 public:
  static CellSpace& Instance();

  // The first of `count` indexes in one chunk. CHECKs that there is room.
  size_t Allocate(size_t count);
  // Sums of `count` cells from `first`, read at one moment with respect to ending threads.
  std::vector<uint64_t> Sum(size_t first, size_t count) const;

  void Register(ThreadCells* cells);
  void Retire(ThreadCells* cells);

 private:
  mutable std::mutex mutex_;
  size_t next_ = 0;
  std::vector<ThreadCells*> live_;
  std::vector<uint64_t> retired_;  // by index
};

}  // namespace slipway::metrics
