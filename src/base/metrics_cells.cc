#include "base/metrics_cells.h"

#include <algorithm>

#include "base/check.h"

namespace slipway::metrics {

ThreadCells::ThreadCells() {
  CellSpace::Instance().Register(this);
}

ThreadCells::~ThreadCells() {
  CellSpace::Instance().Retire(this);
  for (std::atomic<Chunk*>& chunk : chunks_) delete chunk.load(std::memory_order_relaxed);
}

Chunk* ThreadCells::MakeChunk(size_t number) {
  auto* chunk = new Chunk{};
  chunks_[number].store(chunk, std::memory_order_release);
  return chunk;
}

uint64_t ThreadCells::Value(size_t index) const {
  const Chunk* chunk = chunks_[index / kCellsPerChunk].load(std::memory_order_acquire);
  if (chunk == nullptr) return 0;
  return (*chunk)[index % kCellsPerChunk].load(std::memory_order_relaxed);
}

ThreadCells& CurrentCells() {
  thread_local ThreadCells cells;
  return cells;
}

CellSpace& CellSpace::Instance() {
  static CellSpace& space = *new CellSpace;
  return space;
}

size_t CellSpace::Allocate(size_t count) {
  CHECK(count <= kCellsPerChunk);
  std::lock_guard lock(mutex_);
  if (next_ % kCellsPerChunk + count > kCellsPerChunk) {
    next_ += kCellsPerChunk - next_ % kCellsPerChunk;
  }
  const size_t first = next_;
  next_ += count;
  CHECK_NOTE(next_ <= kCellsPerChunk * kMaxChunks, "too many metrics: a label is not bounded");
  retired_.resize(next_);
  return first;
}

std::vector<uint64_t> CellSpace::Sum(size_t first, size_t count) const {
  std::lock_guard lock(mutex_);
  std::vector<uint64_t> sums(count);
  for (size_t i = 0; i < count; ++i) {
    sums[i] = retired_[first + i];
    for (const ThreadCells* cells : live_) sums[i] += cells->Value(first + i);
  }
  return sums;
}

void CellSpace::Register(ThreadCells* cells) {
  std::lock_guard lock(mutex_);
  live_.push_back(cells);
}

void CellSpace::Retire(ThreadCells* cells) {
  std::lock_guard lock(mutex_);
  std::erase(live_, cells);
  for (size_t index = 0; index < next_; ++index) retired_[index] += cells->Value(index);
}

}  // namespace slipway::metrics
