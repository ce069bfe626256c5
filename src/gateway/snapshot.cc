#include "gateway/snapshot.h"

#include <utility>

namespace slipway::gateway {

RevisionRuntime* ServiceEntry::Find(std::string_view version) const {
  for (RevisionRuntime* revision : ready) {
    if (revision->version() == version) return revision;
  }
  return nullptr;
}

const UnreadyRevision* ServiceEntry::FindUnready(std::string_view version) const {
  for (const UnreadyRevision& revision : unready) {
    if (revision.version == version) return &revision;
  }
  return nullptr;
}

RevisionRuntime* ServiceEntry::Pick(uint64_t random) const {
  if (shares.empty()) return nullptr;
  return ready[shares[routing::PickByTurn(shares, random)].candidate];
}

Snapshot::Snapshot(std::vector<ServiceEntry> services) : services_(std::move(services)) {
  for (const ServiceEntry& service : services_) {
    by_name_[service.name].push_back(&service);
    has_limits_ = has_limits_ || service.limiter != nullptr;
    for (const auto& [sha256, key] : service.keys) {
      keys_.insert(sha256);
      has_limits_ = has_limits_ || key.limiter != nullptr;
    }
  }
}

const ServiceEntry* Snapshot::Find(std::string_view project, std::string_view name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return nullptr;
  for (const ServiceEntry* service : found->second) {
    if (service->project == project) return service;
  }
  return nullptr;
}

}  // namespace slipway::gateway
