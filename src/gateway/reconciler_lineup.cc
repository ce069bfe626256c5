// What the cores are shown: the entries of the services, and the ensembles among their revisions.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/log.h"
#include "gateway/reconciler.h"

namespace slipway::gateway {

namespace {

// Positions among the candidates become positions among those that can serve.
std::vector<routing::Share> Placed(const std::vector<size_t>& places,
                                   std::vector<routing::Share> shares) {
  for (routing::Share& share : shares) share.candidate = places[share.candidate];
  return shares;
}

}  // namespace

// The service's revisions, and where each is in its entry.
struct Reconciler::Lineup {
  std::vector<routing::Candidate> candidates;
  std::vector<size_t> places;

  // The shadow of a route, if it can serve.
  std::optional<TrafficPlan::Shadow> Find(const std::optional<routing::ShadowSpec>& shadow,
                                          const ServiceEntry& entry) const {
    if (!shadow || shadow->weight == 0) return std::nullopt;
    const routing::SplitPart alone{.revision = shadow->revision};
    const auto found = Placed(places, routing::DivideRule(candidates, {&alone, 1}, {}));
    if (found.empty()) return std::nullopt;
    return TrafficPlan::Shadow{.revision = entry.ready[found.front().candidate],
                               .weight = shadow->weight,
                               .compare = shadow->compare};
  }
};

// Of the traffic that the configuration wants, once `entry` has its revisions and default shares.
std::shared_ptr<const TrafficPlan> Reconciler::MakePlan(Service& service, const Lineup& lineup,
                                                        const ServiceEntry& entry) {
  if (!service.config.traffic) {
    service.rules = nullptr;
    return nullptr;
  }
  const routing::TrafficSpec& traffic = *service.config.traffic;
  const size_t cores = dependencies_.slots.size();
  if (service.rules == nullptr || !service.rules->IsOf(traffic)) {
    service.rules = std::make_shared<const CompiledRules>(traffic, cores);
  }
  TrafficPlan::Parts parts{.rules = service.rules,
                           .ready = entry.ready,
                           .routes = {},
                           .shadows = &dependencies_.shadows,
                           .cores = cores,
                           .first_turn = turns_given_};
  for (const routing::RuleSpec& rule : traffic.rules) {
    const auto& shadow = rule.shadow ? rule.shadow : traffic.shadow;
    auto own = Placed(lineup.places, routing::DivideRule(lineup.candidates, rule.split, {}));
    if (own.empty()) own = entry.shares;
    parts.routes.push_back({.shares = std::move(own), .shadow = lineup.Find(shadow, entry)});
  }
  parts.routes.push_back({.shares = entry.shares, .shadow = lineup.Find(traffic.shadow, entry)});
  turns_given_ += cores * parts.routes.size();
  return std::make_shared<const TrafficPlan>(std::move(parts));
}

// Names of services have a slash, hashes of keys have none.
std::shared_ptr<CallLimiter> Reconciler::LimiterOf(
    const std::string& name, const std::optional<routing::CallLimits>& limits) {
  if (!limits || limits->empty()) {
    limiters_.erase(name);
    return nullptr;
  }
  std::shared_ptr<CallLimiter>& limiter = limiters_[name];
  if (limiter == nullptr || !(limiter->limits() == *limits)) {
    limiter = std::make_shared<CallLimiter>(*limits);
  }
  return limiter;
}

ServiceEntry Reconciler::MakeEntry(Service& service) {
  ServiceEntry entry{.project = service.config.project,
                     .name = service.config.name,
                     .needs_key = service.config.access != "anonymous"};
  for (const runtime::ServingKey& key : service.config.keys) {
    entry.keys.emplace(key.sha256, KeyEntry{.expires_at_ms = key.expires_at_ms,
                                            .name = key.name,
                                            .limiter = LimiterOf(key.sha256, key.limits)});
  }
  if (!entry.needs_key) {
    entry.limiter = LimiterOf(entry.project + "/" + entry.name, service.config.limits);
  }
  Lineup lineup;
  for (const auto& revision : service.revisions) {
    lineup.candidates.push_back({.number = revision->runtime->settings().number,
                                 .ready = revision->can_serve(),
                                 .listed = revision->listed,
                                 .serving = revision->serving});
  }
  std::vector<routing::SplitPart> split;
  if (service.config.traffic) split = service.config.traffic->split;
  const std::vector<routing::Share> shares = routing::DivideTraffic(lineup.candidates, split);
  for (auto& revision : service.revisions) revision->serving = false;
  for (const routing::Share& share : shares) service.revisions[share.candidate]->serving = true;
  for (const auto& revision : service.revisions) {
    lineup.places.push_back(entry.ready.size());
    Present(*revision, service, entry);
  }
  if (entry.ready.empty() && entry.unready.empty() && service.failed) {
    entry.unready.push_back(*service.failed);
  }
  entry.shares = Placed(lineup.places, shares);
  entry.plan = MakePlan(service, lineup, entry);
  return entry;
}

// One revision as clients may see it.
void Reconciler::Present(const Revision& revision, Service& service, ServiceEntry& entry) {
  if (revision.loaded) service.failed.reset();
  if (revision.failure) {
    service.failed = {.version = revision.runtime->version(),
                      .reason = revision.failure->message()};
  }
  if (revision.can_serve() && (revision.listed || revision.serving)) {
    entry.ready.push_back(revision.runtime.get());
  } else if (revision.listed) {
    const std::optional<Error>& why = revision.failure ? revision.failure : revision.unbound;
    entry.unready.push_back(
        {.version = revision.runtime->version(), .reason = why ? why->message() : std::string()});
  }
}

// A snapshot in the making.
struct Reconciler::Draft {
  std::vector<std::optional<ServiceEntry>> entries;  // of each service, once it is made
  std::map<std::string, size_t> places;              // of the services, by project and name
  std::map<const RevisionRuntime*, std::shared_ptr<const EnsembleBinding>> bindings;

  static std::string KeyOf(const std::string& project, const std::string& name) {
    return project + "/" + name;
  }

  static bool HasEnsemble(const Service& service) {
    return std::any_of(service.revisions.begin(), service.revisions.end(),
                       [](const auto& one) { return one->runtime->ensemble() != nullptr; });
  }

  // Whether the entries of all services that the ensembles of `service` name are made.
  bool HasMembersOf(const Service& service) const {
    for (const auto& revision : service.revisions) {
      const EnsemblePlan* const plan = revision->runtime->ensemble();
      if (plan == nullptr) continue;
      for (const EnsembleStep& step : plan->steps) {
        const auto place = places.find(KeyOf(service.config.project, step.model));
        if (place != places.end() && !entries[place->second]) return false;
      }
    }
    return true;
  }

  // The revision of a step, as it is for requests of the service's project.
  Result<EnsembleMember> Find(const std::string& project, const EnsembleStep& step) const {
    const auto place = places.find(KeyOf(project, step.model));
    if (place == places.end()) {
      return NotFound("MODEL_UNKNOWN", "there is no model '" + step.model + "'");
    }
    const std::optional<ServiceEntry>& entry = entries[place->second];
    if (!entry) {
      return FailedPrecondition("ENSEMBLE_CIRCLE",
                                "'" + step.model +
                                    "' is an ensemble that has this one among its "
                                    "steps, by whatever way: such a circle never begins");
    }
    RevisionRuntime* const revision =
        step.version.empty() ? entry->Latest() : entry->Find(step.version);
    if (revision == nullptr) return Unready(*entry, step);
    const auto bound = bindings.find(revision);
    return EnsembleMember{.revision = revision,
                          .ensemble = bound == bindings.end() ? nullptr : bound->second};
  }

  static Error Unready(const ServiceEntry& entry, const EnsembleStep& step) {
    const UnreadyRevision* why = entry.FindUnready(step.version);
    if (step.version.empty() && !entry.unready.empty()) why = &entry.unready.back();
    std::string words = "'" + step.model + "'";
    if (!step.version.empty()) words += " version " + step.version;
    words += " cannot serve";
    if (why == nullptr) return FailedPrecondition("MODEL_UNREADY", std::move(words));
    // Reasons of ensembles in ensembles have each other in them.
    constexpr size_t kMostOfReason = 256;
    words += ": " + (why->reason.empty() ? std::string("it is loading")
                                         : why->reason.substr(0, kMostOfReason));
    return FailedPrecondition("MODEL_UNREADY", std::move(words));
  }
};

std::unique_ptr<const Snapshot> Reconciler::MakeSnapshot() {
  Draft draft;
  draft.entries.resize(services_.size());
  std::vector<size_t> open;
  for (size_t i = 0; i < services_.size(); ++i) {
    if (Draft::HasEnsemble(services_[i])) {
      open.push_back(i);
    } else {
      draft.entries[i] = MakeEntry(services_[i]);
    }
  }
  for (size_t i = 0; i < services_.size() && !open.empty(); ++i) {
    const runtime::ServingService& config = services_[i].config;
    if (services_[i].configured) draft.places[Draft::KeyOf(config.project, config.name)] = i;
  }
  // Those that name others come after these; where nobody can be the next there is a circle.
  while (!open.empty()) {
    auto next = std::find_if(open.begin(), open.end(),
                             [&](size_t at) { return draft.HasMembersOf(services_[at]); });
    if (next == open.end()) next = open.begin();
    Service& service = services_[*next];
    Bind(service, draft);
    draft.entries[*next] = MakeEntry(service);
    open.erase(next);
  }
  std::vector<ServiceEntry> entries;
  for (size_t i = 0; i < services_.size(); ++i) {
    if (services_[i].configured) entries.push_back(*std::move(draft.entries[i]));
  }
  EnsembleBindings bindings;
  for (const auto& [revision, binding] : draft.bindings) {
    auto& copies = bindings[revision];
    for (size_t core = 0; core < dependencies_.slots.size(); ++core) {
      copies.push_back(std::make_shared<const EnsembleBinding>(*binding));
    }
  }
  return std::make_unique<const Snapshot>(std::move(entries), std::move(bindings));
}

bool Reconciler::IsLoading() const {
  return std::any_of(services_.begin(), services_.end(), [](const Service& service) {
    return std::any_of(service.revisions.begin(), service.revisions.end(), [](const auto& one) {
      return one->listed && !one->loaded && !one->failure;
    });
  });
}

// An ensemble follows its models: it serves while they do. One that never did, when nothing is left
// to wait for, failed to load.
void Reconciler::Bind(Service& service, Draft& draft) {
  for (auto& revision : service.revisions) {
    const EnsemblePlan* const plan = revision->loaded ? revision->runtime->ensemble() : nullptr;
    if (plan == nullptr) continue;
    const FindMember find = [&](const EnsembleStep& step) {
      return draft.Find(service.config.project, step);
    };
    Result<std::shared_ptr<const EnsembleBinding>> bound = BindEnsemble(*plan, find);
    const bool was_bound = !revision->unbound;
    if (bound.has_value()) {
      revision->unbound.reset();
      draft.bindings[revision->runtime.get()] = *std::move(bound);
      continue;
    }
    revision->unbound = bound.error();
    const bool is_first = revision->phase == Phase::kLoading;
    if (is_first && IsLoading()) continue;
    if (is_first) {
      revision->failure = std::exchange(revision->unbound, std::nullopt);
      revision->phase = Phase::kFailed;
      revision->loaded = false;
    }
    if (!is_first && !was_bound) continue;
    LogWarning("an ensemble cannot serve",
               {{"service", service.config.project + "/" + service.config.name},
                {"revision", revision->runtime->version()},
                {"error", bound.error()}});
  }
}

}  // namespace slipway::gateway
