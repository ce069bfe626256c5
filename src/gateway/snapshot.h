// Snapshot: one state of the configuration as the cores see it. Never changes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "gateway/ensemble/ensemble_binding.h"
#include "gateway/revision_runtime.h"
#include "gateway/traffic_plan.h"
#include "routing/shares.h"

namespace slipway::gateway {

// What clients may learn of a revision that cannot serve.
struct UnreadyRevision {
  std::string version;
  std::string reason;  // a sentence; empty while it is loading
};

class CallLimiter;

// A token that may infer.
struct KeyEntry {
  int64_t expires_at_ms = 0;             // since 1970; 0: never
  std::string name;                      // empty: it has none
  std::shared_ptr<CallLimiter> limiter;  // of all services that take the key; nullptr: no limits
};

struct ServiceEntry {
  std::string project;
  std::string name;
  bool needs_key = false;
  std::unordered_map<std::string, KeyEntry> keys;  // that may infer, by their SHA-256 in hex
  std::shared_ptr<CallLimiter> limiter;  // of all callers, where no key is needed; nullptr: none
  // All that can serve, in the order of their numbers; requests may name any of them.
  std::vector<RevisionRuntime*> ready;
  std::vector<UnreadyRevision> unready;
  // Who gets the requests that name no version, as far as no rule says otherwise: positions in
  // `ready`.
  std::vector<routing::Share> shares;
  // Where the service has traffic rules, splits or shadows; else it is not there.
  std::shared_ptr<const TrafficPlan> plan;

  // The revision with this version; nullptr if it is not ready.
  RevisionRuntime* Find(std::string_view version) const;
  const UnreadyRevision* FindUnready(std::string_view version) const;
  // The newest of the default route's; nullptr when none can serve.
  RevisionRuntime* Latest() const;
  // The default route's, by a random number; nullptr when none can serve.
  RevisionRuntime* Pick(uint64_t random) const;
};

// Of the ensembles among the revisions; for each core its own, so that no count is shared.
using EnsembleBindings =
    std::unordered_map<const RevisionRuntime*, std::vector<std::shared_ptr<const EnsembleBinding>>>;

class Snapshot {
 public:
  // Services have distinct names within a project.
  explicit Snapshot(std::vector<ServiceEntry> services, EnsembleBindings ensembles = {});

  const ServiceEntry* Find(std::string_view project, std::string_view name) const;
  const std::vector<ServiceEntry>& services() const { return services_; }
  // Of an ensemble that is ready; else nullptr.
  std::shared_ptr<const EnsembleBinding> EnsembleOf(const RevisionRuntime& revision,
                                                    size_t core) const;
  // Whether a key may infer on some service, expired or not.
  bool KnowsKey(const std::string& sha256) const { return keys_.contains(sha256); }
  // Whether any service or key has limits.
  bool has_limits() const { return has_limits_; }

 private:
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  const std::vector<ServiceEntry> services_;
  const EnsembleBindings ensembles_;
  // By name, then project: almost every name is in one project only.
  std::unordered_map<std::string, std::vector<const ServiceEntry*>, TextHash, std::equal_to<>>
      by_name_;
  std::unordered_set<std::string> keys_;
  bool has_limits_ = false;
};

}  // namespace slipway::gateway
