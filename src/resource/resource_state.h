// What a ResourceStore keeps in memory.
#pragma once

#include <atomic>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "async/guarded.h"
#include "resource/resource_store.h"

namespace slipway::resource {

struct VolatileStatus {
  Json fields;
  SteadyTime set_at;
};

// Puts what they tell into the resource's status.
Result<void> ReadStatusParts(std::span<const StatusPart> parts, const store::Snapshot& snapshot,
                             Resource& resource);

struct ResourceStore::State {
  std::map<std::string, std::vector<Admission>> admissions;  // by kind; fixed before first use
  std::map<std::string, std::vector<Removal>> removals;      // the same
  std::map<std::string, std::vector<SearchPart>> parts;      // the same
  std::map<std::string, std::vector<StatusPart>> status_parts;
  Guarded<std::map<Key, VolatileStatus>> volatile_status;
  std::atomic<size_t> watches{0};
};

}  // namespace slipway::resource
