// StampedCache: what was read of the database lately, kept while the keys that it came from are not
// written.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "async/guarded.h"
#include "store/meta/key_stamps.h"

namespace slipway::registry {

// Thread-safe. `stamps` are those of the store that was read, which outlives the cache.
template <typename Value>
class StampedCache {
 public:
  StampedCache(const store::KeyStamps& stamps, size_t max_bytes)
      : stamps_(stamps), max_shard_bytes_(max_bytes / kShards) {}

  using Stamps = std::array<store::KeyStamp, 2>;

  // Nothing if it is not here, or may have changed since it was read.
  std::shared_ptr<const Value> Find(std::string_view name) const {
    Entry entry = ShardOf(name).With([name](const Shard& shard) { return shard.Find(name); });
    if (entry.value && !(stamps_.Holds(entry.stamps[0]) && stamps_.Holds(entry.stamps[1]))) {
      entry.value.reset();
    }
    return std::move(entry.value);
  }

  // `stamps` were taken, before it was read, of the two keys that decide on the value. `bytes` is
  // what the value holds beside itself; one that is large beside the cache is not kept.
  void Insert(std::string_view name, const Stamps& stamps, std::shared_ptr<const Value> value,
              size_t bytes) {
    bytes += name.size() + sizeof(Value) + kEntryBytes;
    if (bytes > max_shard_bytes_ / 8) return;
    ShardOf(name).With([&](Shard& shard) {
      shard.Insert(name, {.stamps = stamps, .value = std::move(value)}, bytes,
                   max_shard_bytes_ / 2);
    });
  }

  void Clear() {
    for (Guarded<Shard>& shard : shards_) shard.With([](Shard& all) { all = Shard(); });
  }

 private:
  static constexpr size_t kShards = 8;
  static constexpr size_t kEntryBytes = 128;  // of maps and counts, about

  struct Entry {
    Stamps stamps;
    std::shared_ptr<const Value> value;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Generation = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;
  // When the young generation is full, the old one is forgotten: what is asked for after that comes
  // anew, and what is asked for often costs one read now and then.
  struct Shard {
    Generation young;
    Generation old;
    size_t young_bytes = 0;

    Entry Find(std::string_view name) const {
      for (const Generation* generation : {&young, &old}) {
        if (const auto found = generation->find(name); found != generation->end()) {
          return found->second;
        }
      }
      return {};
    }
    void Insert(std::string_view name, Entry entry, size_t bytes, size_t max_bytes) {
      if (young_bytes + bytes > max_bytes) {
        old = std::exchange(young, {});
        young_bytes = 0;
      }
      young_bytes += bytes;
      young.insert_or_assign(std::string(name), std::move(entry));
    }
  };

  Guarded<Shard>& ShardOf(std::string_view name) const {
    return shards_[(Hash()(name) >> 32) % kShards];
  }

  const store::KeyStamps& stamps_;
  const size_t max_shard_bytes_;
  mutable std::array<Guarded<Shard>, kShards> shards_;
};

}  // namespace slipway::registry
