#include "gateway/snapshot.h"

#include <algorithm>
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

RevisionRuntime* ServiceEntry::Latest() const {
  const auto last =
      std::max_element(shares.begin(), shares.end(),
                       [](const auto& a, const auto& b) { return a.number < b.number; });
  return last == shares.end() ? nullptr : ready[last->candidate];
}

RevisionRuntime* ServiceEntry::Pick(uint64_t random) const {
  if (shares.empty()) return nullptr;
  return ready[shares[routing::PickByTurn(shares, random)].candidate];
}

Snapshot::Snapshot(std::vector<ServiceEntry> services, EnsembleBindings ensembles)
    : services_(std::move(services)), ensembles_(std::move(ensembles)) {
  for (const ServiceEntry& service : services_) {
    by_name_[service.name].push_back(&service);
    has_limits_ = has_limits_ || service.limiter != nullptr;
    for (const auto& [sha256, key] : service.keys) {
      keys_.insert(sha256);
      has_limits_ = has_limits_ || key.limiter != nullptr;
    }
  }
}

std::shared_ptr<const EnsembleBinding> Snapshot::EnsembleOf(const RevisionRuntime& revision,
                                                            size_t core) const {
  const auto found = ensembles_.find(&revision);
  return found == ensembles_.end() ? nullptr : found->second[core];
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
