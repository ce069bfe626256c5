// RunMemory: where ONNX Runtime takes its memory from.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace slipway::engine::ort {

// The library's own arena belongs to a session and keeps what its largest run took for good;
// without an arena each run has the system zero its memory anew, which costs a convolutional
// network up to two thirds more. So all sessions share this: large blocks that a run gives back
// wait for the next run, of whatever model, and go back to the system when none has wanted them for
// a while. Small ones are the heap's. Thread-safe.
class RunMemory {
 public:
  struct Limits {
    size_t kept_bytes = size_t{256} << 20;  // of blocks that wait, at most
    std::chrono::milliseconds kept_for{2000};
  };
  explicit RunMemory(Limits limits);
  // Every block was given back.
  ~RunMemory();

  // Aligned to 64 bytes; nullptr if there is no memory.
  void* Allocate(size_t bytes);
  // `nullptr` is nothing.
  void Free(void* block);

  // Of blocks that wait.
  size_t kept_bytes() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Kept {
    void* begin;
    Clock::time_point since;
  };

  void* Reuse(size_t bytes);
  void Keep(void* begin, size_t bytes);
  // Unmaps what has waited since before `limit`.
  void Release(Clock::time_point limit);
  void Tidy();

  const Limits limits_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  // By their size; of one size the last that came is the first to go out again.
  std::map<size_t, std::vector<Kept>> kept_;
  size_t kept_bytes_ = 0;
  bool stopping_ = false;
  // Nothing is kept, and the thread that tidies sleeps until something is.
  bool idle_ = false;
  std::thread tidying_;  // the last member: it uses the others
};

}  // namespace slipway::engine::ort
