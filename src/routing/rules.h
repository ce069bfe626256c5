// Rules: the conditions of a service's traffic, ready to be asked.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "routing/request_facts.h"
#include "routing/traffic_spec.h"

namespace slipway::routing {

// How one condition fared.
struct ConditionTrace {
  size_t rule = 0;
  size_t condition = 0;
  std::optional<std::string> value;  // what was compared
  bool held = false;
};

// Immutable, but for what regular expressions remember of their last texts, which they guard with
// a lock of their own: each core has a copy, so that none waits.
class Rules {
 public:
  // Of rules that CheckTraffic found right; else INVALID_ARGUMENT, with the place below `rules`.
  static Result<Rules> Compile(std::span<const RuleSpec> rules);
  Rules(Rules&&) noexcept;
  Rules& operator=(Rules&&) noexcept;
  ~Rules();

  // The first rule all of whose conditions hold. With a `trace` every condition up to that rule is
  // evaluated and noted, without one only as many as it takes.
  std::optional<size_t> Match(RequestFacts& request,
                              std::vector<ConditionTrace>* trace = nullptr) const;
  bool empty() const;

 private:
  struct Condition;
  Rules();
  std::vector<std::vector<Condition>> rules_;
};

// Where the key of sticky requests is.
class KeySource {
 public:
  // Of a spec that CheckTraffic found right.
  explicit KeySource(const StickySpec& spec);
  // Nothing where the request has none, or an empty one.
  std::optional<std::string_view> Of(RequestFacts& request) const;

 private:
  enum class Source : uint8_t { kHeader, kQuery, kCookie, kBody };
  Source source_ = Source::kHeader;
  std::string name_;
  BodyField field_;
};

// "header x-group is not one of beta, staff": for people.
std::string ConditionText(const ConditionSpec& condition);

}  // namespace slipway::routing
