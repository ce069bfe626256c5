// Damage: objects whose bytes were found wrong or missing. They are not served, and a push of the
// same content heals them.
//
//   registry/damaged/OBJECT  {"foundAt","what"}
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"
#include "store/meta/meta_store.h"

namespace slipway::registry {

inline constexpr std::string_view kDamagedPrefix = "registry/damaged/";

std::string DamagedKey(const Digest& object);
Result<bool> IsDamaged(const store::Snapshot& snapshot, const Digest& object);
Result<void> MarkDamaged(store::Transaction& transaction, const Digest& object,
                         std::string_view what, WallTime now);

// For the repository's callers: NOT_FOUND with the way out.
Error DamagedBlob(std::string_view repository, const Digest& digest);
Error DamagedManifest(std::string_view repository, const Digest& digest);
// The same, noted in the log: nobody knew yet.
Error LostBlob(std::string_view repository, const Digest& digest);
Error LostManifest(std::string_view repository, const Digest& digest);

// How many rows there are, so that nobody looks for one where there are none. Thread-safe.
class DamageCount {
 public:
  uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  bool any() const { return count() > 0; }
  // Counts the rows: blocking. After each change of them.
  Result<void> Refresh(store::MetaStore& meta);

 private:
  std::atomic<uint64_t> count_{0};
};

}  // namespace slipway::registry
