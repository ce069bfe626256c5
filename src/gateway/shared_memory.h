// SharedMemory: regions of POSIX shared memory that clients named, for tensors to lie in.
//
// Regions are never mapped: their owner may shrink them at any time, and a read of a page that is
// gone would end the process (SIGBUS). Bytes are copied with pread and pwrite, which say so.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/guarded.h"
#include "base/descriptor.h"
#include "base/result.h"

namespace slipway::gateway {

struct RegionStatus {
  std::string name;
  std::string key;      // of shm_open
  uint64_t offset = 0;  // of the region in what the key names
  uint64_t byte_size = 0;
};

// One region, as long as somebody uses it. Thread-safe.
class SharedRegion {
 public:
  SharedRegion(RegionStatus status, Descriptor descriptor)
      : status_(std::move(status)), descriptor_(std::move(descriptor)) {}

  const RegionStatus& status() const { return status_; }
  // `size` bytes at `offset` of the region. INVALID_ARGUMENT: REGION_RANGE outside of it,
  // REGION_SHRUNK where they are not there any more.
  Result<void> Read(uint64_t offset, uint64_t size, char* out) const;
  Result<void> Write(uint64_t offset, std::string_view bytes) const;
  // REGION_RANGE, without touching it.
  Result<void> CheckRange(uint64_t offset, uint64_t size) const;

 private:
  Error Shrunk() const;

  const RegionStatus status_;
  const Descriptor descriptor_;
};

// Thread-safe.
class SharedMemory {
 public:
  // INVALID_ARGUMENT: REGION_INVALID for a name or key that cannot be, or a size that is not there;
  // REGION_OPEN where there is none. ALREADY_EXISTS / REGION_EXISTS, RESOURCE_EXHAUSTED /
  // REGIONS_TOO_MANY.
  Result<void> Register(const RegionStatus& region);
  // A name that is not known is none to forget. Those who use the region use it to their end.
  void Unregister(std::string_view name);
  void UnregisterAll();
  // NOT_FOUND / REGION_UNKNOWN.
  Result<std::shared_ptr<const SharedRegion>> Find(std::string_view name) const;
  // All of them, by name.
  std::vector<RegionStatus> Status() const;

 private:
  using Regions = std::map<std::string, std::shared_ptr<const SharedRegion>, std::less<>>;
  Guarded<Regions> regions_;
};

}  // namespace slipway::gateway
