#include "engine/onnxruntime/run_memory.h"

#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <utility>

namespace slipway::engine::ort {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kLargeBytes = size_t{1} << 20;

// Before each block.
struct alignas(kAlignment) Head {
  size_t mapped_bytes;  // of a large block, this head included; 0: it is the heap's
};

// A power of two has four steps, so that blocks of about the same size fit each other's place.
size_t RoundedUp(size_t bytes) {
  const size_t step = std::bit_floor(bytes) / 4;
  return (bytes + step - 1) / step * step;
}

void* Map(size_t bytes) {
  void* begin = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return begin == MAP_FAILED ? nullptr : begin;
}

// The system may refuse for want of memory of its own: then it gets the pages alone.
void Unmap(void* begin, size_t bytes) {
  if (munmap(begin, bytes) != 0) static_cast<void>(madvise(begin, bytes, MADV_DONTNEED));
}

void* Headed(void* begin, size_t mapped_bytes) {
  if (begin == nullptr) return nullptr;
  auto* head = static_cast<Head*>(begin);
  head->mapped_bytes = mapped_bytes;
  return head + 1;
}

}  // namespace

RunMemory::RunMemory(Limits limits) : limits_(limits), tidying_([this] { Tidy(); }) {}

RunMemory::~RunMemory() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  tidying_.join();
  Release(Clock::time_point::max());
}

void* RunMemory::Allocate(size_t bytes) {
  if (bytes > SIZE_MAX / 2) return nullptr;
  bytes += sizeof(Head);
  if (bytes < kLargeBytes) {
    return Headed(std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) & ~(kAlignment - 1)), 0);
  }
  bytes = RoundedUp(bytes);
  void* block = Reuse(bytes);
  return block != nullptr ? block : Headed(Map(bytes), bytes);
}

void RunMemory::Free(void* block) {
  if (block == nullptr) return;
  Head* head = static_cast<Head*>(block) - 1;
  if (head->mapped_bytes == 0) {
    std::free(head);
  } else {
    Keep(head, head->mapped_bytes);
  }
}

size_t RunMemory::kept_bytes() const {
  std::lock_guard lock(mutex_);
  return kept_bytes_;
}

void* RunMemory::Reuse(size_t bytes) {
  std::lock_guard lock(mutex_);
  const auto found = kept_.lower_bound(bytes);
  // A block that is much larger is somebody else's.
  if (found == kept_.end() || found->first > bytes + bytes / 2) return nullptr;
  Head* head = static_cast<Head*>(found->second.back().begin);
  kept_bytes_ -= found->first;
  found->second.pop_back();
  if (found->second.empty()) kept_.erase(found);
  return head + 1;
}

void RunMemory::Keep(void* begin, size_t bytes) {
  {
    std::lock_guard lock(mutex_);
    if (kept_bytes_ + bytes <= limits_.kept_bytes) {
      if (std::exchange(idle_, false)) wake_.notify_one();
      kept_bytes_ += bytes;
      kept_[bytes].push_back({.begin = begin, .since = Clock::now()});
      return;
    }
  }
  Unmap(begin, bytes);
}

void RunMemory::Release(Clock::time_point limit) {
  std::vector<std::pair<void*, size_t>> old;
  {
    std::lock_guard lock(mutex_);
    for (auto& [bytes, blocks] : kept_) {
      // The oldest are in front.
      const auto young = std::find_if(blocks.begin(), blocks.end(),
                                      [&](const Kept& kept) { return kept.since >= limit; });
      for (auto kept = blocks.begin(); kept != young; ++kept) old.emplace_back(kept->begin, bytes);
      kept_bytes_ -= bytes * static_cast<size_t>(young - blocks.begin());
      blocks.erase(blocks.begin(), young);
    }
    std::erase_if(kept_, [](const auto& size) { return size.second.empty(); });
  }
  for (const auto& [begin, bytes] : old) Unmap(begin, bytes);
}

void RunMemory::Tidy() {
  pthread_setname_np(pthread_self(), "run-memory");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    idle_ = kept_bytes_ == 0;
    wake_.wait(lock, [&] { return stopping_ || !idle_; });
    wake_.wait_for(lock, limits_.kept_for / 2, [&] { return stopping_; });
    lock.unlock();
    Release(Clock::now() - limits_.kept_for);
    lock.lock();
  }
}

}  // namespace slipway::engine::ort
