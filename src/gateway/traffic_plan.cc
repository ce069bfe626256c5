#include "gateway/traffic_plan.h"

#include <utility>

#include "base/json.h"
#include "base/log.h"

namespace slipway::gateway {
namespace {

// What of the traffic has to be compiled, as text.
std::string ConditionsOf(const routing::TrafficSpec& traffic) {
  routing::TrafficSpec conditions{.sticky = traffic.sticky};
  for (const routing::RuleSpec& rule : traffic.rules) {
    conditions.rules.push_back({.name = rule.name, .when = rule.when});
  }
  return DumpJson(Encode(conditions));
}

}  // namespace

CompiledRules::CompiledRules(const routing::TrafficSpec& traffic, size_t cores)
    : text_(ConditionsOf(traffic)) {
  std::span<const routing::RuleSpec> wanted = traffic.rules;
  for (size_t i = 0; i < cores; ++i) {
    Result<routing::Rules> compiled = routing::Rules::Compile(wanted);
    if (compiled.has_error()) {
      LogError("rules of a service do not compile, it has none", {{"error", compiled.error()}});
      wanted = {};
      compiled = routing::Rules::Compile(wanted);
    }
    rules_.push_back(*std::move(compiled));
  }
  if (traffic.sticky) key_.emplace(*traffic.sticky);
}

bool CompiledRules::IsOf(const routing::TrafficSpec& traffic) const {
  return ConditionsOf(traffic) == text_;
}

TrafficPlan::TrafficPlan(Parts parts)
    : parts_(std::move(parts)), turns_(parts_.cores * parts_.routes.size()) {
  for (size_t i = 0; i < turns_.size(); ++i) {
    turns_[i].split = routing::KeyHash("split", static_cast<int64_t>(parts_.first_turn + i));
    turns_[i].shadow = routing::KeyHash("shadow", static_cast<int64_t>(parts_.first_turn + i));
  }
}

Choice TrafficPlan::Choose(size_t core, routing::RequestFacts& request) const {
  const size_t number = parts_.rules->on(core).Match(request).value_or(parts_.routes.size() - 1);
  const Route& route = parts_.routes[number];
  if (route.shares.empty()) return {};
  Turns& turns = turns_[core * parts_.routes.size() + number];
  size_t at = 0;
  if (route.shares.size() > 1) {
    const auto& source = parts_.rules->key();
    const auto key = source ? source->Of(request) : std::nullopt;
    at = key ? routing::PickByKey(route.shares, *key)
             : routing::PickByTurn(route.shares, turns.split++);
  }
  Choice choice{.revision = parts_.ready[route.shares[at].candidate], .shadow = nullptr};
  // One that answers already is not asked twice.
  const bool is_shadowed = route.shadow && route.shadow->revision != choice.revision &&
                           routing::IsPart(route.shadow->weight, turns.shadow++);
  if (is_shadowed) {
    choice.shadow = std::make_unique<ShadowTicket>(*parts_.shadows, *route.shadow->revision, core,
                                                   route.shadow->compare);
  }
  return choice;
}

}  // namespace slipway::gateway
