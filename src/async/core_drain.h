// CoreDrain: what many cores have to say, taken away by one thread that may be slow.
//
//   CoreDrain drain({.name = "access-log", .cores = 4, .take = [](CoreDrain::Batch& batch) {...}});
//   drain.Give(core, line);  // on that core: never waits for `take`
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace slipway {

// Items are bytes, and keep their order within a core.
class CoreDrain {
 public:
  // The items of all cores since the last time, behind each other.
  struct Batch {
    std::string bytes;
    uint64_t items = 0;
  };
  struct Options {
    std::string name;  // of the thread, at most 15 characters
    size_t cores = 1;
    size_t max_bytes = 1 << 20;            // that wait, of each core
    std::chrono::milliseconds pause{100};  // between two batches, where little waits
    // On the thread. The token is asked to stop when the drain is being destroyed.
    std::function<void(Batch& batch, const std::stop_token& stop)> take;
  };
  explicit CoreDrain(Options options);
  // Takes what is there, and waits for that.
  ~CoreDrain();
  CoreDrain(const CoreDrain&) = delete;
  CoreDrain& operator=(const CoreDrain&) = delete;

  // Bytes of one item, or of several. False where there was no room: they are gone, and counted.
  // Holds a lock of that core's own for as long as bytes are appended.
  bool Give(size_t core, std::string_view bytes, uint64_t items = 1);
  // Items for which there was no room. Any thread.
  uint64_t dropped() const;
  // Lets the thread come round at once.
  void Wake();
  // Waits until everything that was given before is taken. For tests, and before a file is moved.
  void Flush();
  // For `take`: waits so long, or until the drain is being destroyed.
  static void Pause(const std::stop_token& stop, std::chrono::milliseconds time);

 private:
  struct alignas(64) Slot {
    mutable std::mutex mutex;
    Batch waiting;
    uint64_t dropped = 0;
  };

  void Run(const std::stop_token& stop);
  void TakeAll(const std::stop_token& stop);

  const Options options_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool woken_ = false;
  uint64_t wanted_ = 0;  // rounds that Flush asked for
  uint64_t rounds_ = 0;  // that are over
  std::condition_variable_any round_over_;
  std::jthread thread_;
};

}  // namespace slipway
