// TrafficPlan: who gets which requests of one service, in one snapshot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gateway/shadow_ticket.h"
#include "routing/rules.h"
#include "routing/shares.h"

namespace slipway::gateway {

// The conditions of one service's rules, compiled for each core: regular expressions remember what
// they saw, and cores share nothing. Outlives changes of weights.
class CompiledRules {
 public:
  // Rules that do not compile, which CheckTraffic refuses, are none.
  CompiledRules(const routing::TrafficSpec& traffic, size_t cores);

  // Whether it is made of the same conditions and the same place of the key.
  bool IsOf(const routing::TrafficSpec& traffic) const;
  const routing::Rules& on(size_t core) const { return rules_[core]; }
  const std::optional<routing::KeySource>& key() const { return key_; }

 private:
  std::string text_;
  std::vector<routing::Rules> rules_;
  std::optional<routing::KeySource> key_;
};

// What the request's revision is, and who else gets to see the request.
struct Choice {
  RevisionRuntime* revision = nullptr;
  std::unique_ptr<ShadowTicket> shadow;
};

class TrafficPlan {
 public:
  struct Shadow {
    RevisionRuntime* revision = nullptr;
    int32_t weight = 0;
    routing::Tolerance compare;
  };
  // Of one rule, or the default route.
  struct Route {
    std::vector<routing::Share> shares;  // candidates: positions in `ready`
    std::optional<Shadow> shadow;
  };
  struct Parts {
    std::shared_ptr<const CompiledRules> rules;
    std::vector<RevisionRuntime*> ready;
    std::vector<Route> routes;  // one for each rule, then the default route
    Shadows* shadows = nullptr;
    size_t cores = 0;
    uint64_t first_turn = 0;  // another one for each plan, so that short-lived plans are fair, too
  };
  explicit TrafficPlan(Parts parts);

  // On the thread of `core`. Without a revision that can serve the choice has none. Valid until the
  // core's next suspension, or as long as the revision is counted in.
  Choice Choose(size_t core, routing::RequestFacts& request) const;

 private:
  // Of one route on one core: written by that core's thread alone.
  struct alignas(64) Turns {
    uint64_t split = 0;
    uint64_t shadow = 0;
  };

  const Parts parts_;
  mutable std::vector<Turns> turns_;  // by core, then route
};

}  // namespace slipway::gateway
