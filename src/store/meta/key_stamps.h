// KeyStamps: whether a key may have been written since it was read.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string_view>

namespace slipway::store {

// The stamp of one key at one moment.
struct KeyStamp {
  uint32_t slot = 0;
  uint32_t count = 0;
};

// Counts the commits that wrote keys. Keys with the same hash share a counter, so that a stamp may
// change although its key did not; never the other way round. Constant memory; thread-safe without
// a lock.
class KeyStamps {
 public:
  KeyStamp Of(std::string_view key) const {
    const uint32_t slot = SlotOf(key);
    return {.slot = slot, .count = counts_[slot].load(std::memory_order_acquire)};
  }
  // Whether no commit wrote the key since.
  bool Holds(KeyStamp stamp) const {
    return counts_[stamp.slot].load(std::memory_order_acquire) == stamp.count;
  }

  // For stores: a commit wrote a key of this slot.
  static uint32_t SlotOf(std::string_view key) {
    return static_cast<uint32_t>(std::hash<std::string_view>()(key) % kSlots);
  }
  void Count(uint32_t slot) { counts_[slot].fetch_add(1, std::memory_order_release); }

 private:
  static constexpr size_t kSlots = 1 << 14;
  std::array<std::atomic<uint32_t>, kSlots> counts_{};
};

}  // namespace slipway::store
