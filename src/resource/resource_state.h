// What a ResourceStore keeps in memory.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "async/guarded.h"
#include "resource/resource_store.h"

namespace slipway::resource {

struct VolatileStatus {
  Json fields;
  SteadyTime set_at;
};

struct ResourceStore::State {
  std::map<std::string, std::vector<Admission>> admissions;  // by kind; fixed before first use
  std::map<std::string, std::vector<Removal>> removals;      // the same
  std::map<std::string, std::vector<SearchPart>> parts;      // the same
  Guarded<std::map<Key, VolatileStatus>> volatile_status;
  std::atomic<size_t> watches{0};
};

}  // namespace slipway::resource
