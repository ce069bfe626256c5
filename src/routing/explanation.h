// Explanation: where a request goes, and why: the same decisions as for requests, written down.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/describe.h"
#include "base/result.h"
#include "routing/request_facts.h"
#include "routing/shares.h"
#include "routing/traffic_spec.h"

namespace slipway::routing {

struct ExplainedCondition {
  std::string condition;             // "header x-group is one of \"beta\""
  std::optional<std::string> value;  // what the request has there
  bool held = false;
};
BOOST_DESCRIBE_STRUCT(ExplainedCondition, (), (condition, value, held))

struct ExplainedRule {
  std::string name;
  std::string verdict;  // "matched", "not matched", "not reached"
  std::vector<ExplainedCondition> conditions;
};
BOOST_DESCRIBE_STRUCT(ExplainedRule, (), (name, verdict, conditions))

struct ExplainedShare {
  int64_t revision = 0;
  int32_t weight = 0;  // as the split says; 0 where it does not name the revision
  double percent = 0;  // of the requests that come this way, as things stand
  bool ready = false;
};
BOOST_DESCRIBE_STRUCT(ExplainedShare, (), (revision, weight, percent, ready))

struct ExplainedShadow {
  int64_t revision = 0;
  int32_t weight = 0;
  bool ready = false;
};
BOOST_DESCRIBE_STRUCT(ExplainedShadow, (), (revision, weight, ready))

struct Explanation {
  int64_t revision = 0;            // 0: none, or one of the shares by its turn
  std::string reason;              // a sentence
  std::string route;               // name of the rule; empty: the default route
  std::optional<std::string> key;  // that keeps the request where it goes
  std::vector<ExplainedRule> rules;
  std::vector<ExplainedShare> shares;
  std::optional<ExplainedShadow> shadow;
};
BOOST_DESCRIBE_STRUCT(Explanation, (), (revision, reason, route, key, rules, shares, shadow))

struct ExplainOptions {
  // The sticky key, whatever the request says.
  std::optional<std::string> key;
  // The version in the path, which goes by no rule.
  std::optional<int64_t> version;
};

// `traffic` passed CheckTraffic; `candidates` are the service's revisions.
Result<Explanation> Explain(const TrafficSpec& traffic, std::span<const Candidate> candidates,
                            RequestFacts& request, const ExplainOptions& options);

}  // namespace slipway::routing
