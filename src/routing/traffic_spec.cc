#include "routing/traffic_spec.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/format_check.h"
#include "routing/body_field.h"
#include "routing/rules.h"

namespace slipway::routing {
namespace {

std::string At(const std::string& list, size_t position) {
  return list + "[" + std::to_string(position) + "]";
}

Error Fault(std::string_view reason, const std::string& field, const std::string& problem) {
  return InvalidArgument(std::string(reason), field + ": " + problem).With("field", field);
}

// What the rules of a service have together.
struct Totals {
  size_t regexes = 0;
  std::set<std::string> body_fields;
};

// A name of a header or a cookie: a token of RFC 9110.
Result<void> CheckToken(std::string_view name, const std::string& field) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  const bool right = !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != std::string_view::npos;
  });
  if (right) return {};
  return Fault("FIELD_FORMAT", field,
               "letters, digits and " + std::string(kMarks) + ", got " + Quoted(name));
}

Result<void> CheckQueryName(std::string_view name, const std::string& field) {
  if (!name.empty()) return {};
  return Fault("FIELD_FORMAT", field, "the name of a query parameter is not empty");
}

Result<void> CheckBody(const std::string& text, const std::string& field, Totals& totals) {
  const Result<BodyField> parsed = BodyField::Parse(text);
  if (parsed.has_error()) return Fault("FIELD_FORMAT", field, parsed.error().message());
  totals.body_fields.insert(parsed->pointer);
  if (totals.body_fields.size() <= kMaxBodyFields) return {};
  return Fault("FIELD_RANGE", field,
               "one more field of the body than the " + std::to_string(kMaxBodyFields) +
                   " that the traffic of a service may look at");
}

Result<void> CheckSource(const ConditionSpec& condition, const std::string& at, Totals& totals) {
  const int sources = int{condition.header.has_value()} + int{condition.path} +
                      int{condition.query.has_value()} + int{condition.body.has_value()};
  if (sources != 1) {
    return Fault("FIELD_REQUIRED", at,
                 "exactly one of header, path: true, query and body says what is looked at, got " +
                     std::to_string(sources));
  }
  if (condition.header) return CheckToken(*condition.header, at + ".header");
  if (condition.query) return CheckQueryName(*condition.query, at + ".query");
  if (condition.body) return CheckBody(*condition.body, at + ".body", totals);
  return {};
}

Result<void> CheckOperator(const ConditionSpec& condition, const std::string& at, Totals& totals) {
  const int operators = int{condition.exact.has_value()} + int{condition.prefix.has_value()} +
                        int{condition.regex.has_value()} + int{condition.contains.has_value()} +
                        int{!condition.in.empty()};
  if (operators != 1) {
    return Fault("FIELD_REQUIRED", at,
                 "exactly one of exact, prefix, regex, contains and in says what it is compared "
                 "with, got " +
                     std::to_string(operators));
  }
  for (size_t i = 0; i < condition.in.size(); ++i) {
    if (condition.in[i].size() <= kMaxPatternBytes) continue;
    return Fault("FIELD_RANGE", At(at + ".in", i),
                 "at most " + std::to_string(kMaxPatternBytes) + " bytes, got " +
                     std::to_string(condition.in[i].size()));
  }
  if (!condition.regex) return {};
  if (++totals.regexes > kMaxRegexes) {
    return Fault("FIELD_RANGE", at + ".regex",
                 "one more regular expression than the " + std::to_string(kMaxRegexes) +
                     " that the traffic of a service may have");
  }
  RuleSpec alone;
  alone.when.push_back({.path = true, .regex = condition.regex});
  const Result<Rules> compiled = Rules::Compile(std::span(&alone, 1));
  if (compiled.has_value()) return {};
  const std::string& message = compiled.error().message();
  return Fault("FIELD_FORMAT", at + ".regex",
               "not a regular expression of RE2 within its " +
                   std::to_string(kRegexMemoryBytes >> 10) +
                   " KiB: " + message.substr(message.find("regex: ") + 7));
}

// Of one split, which may be empty.
Result<void> CheckSplit(const std::vector<SplitPart>& split, const std::string& at) {
  std::set<int64_t> revisions;
  int64_t sum = 0;
  for (size_t i = 0; i < split.size(); ++i) {
    sum += split[i].weight;
    if (revisions.insert(split[i].revision).second) continue;
    return Fault("FIELD_RANGE", At(at, i) + ".revision",
                 "revision " + std::to_string(split[i].revision) + " is in this split twice");
  }
  if (split.empty() || sum == kWholeWeight) return {};
  return Fault(
      "FIELD_RANGE", at,
      "the weights add up to " + std::to_string(kWholeWeight) + ", got " + std::to_string(sum));
}

Result<void> CheckRule(const RuleSpec& rule, const std::string& at, Totals& totals) {
  for (size_t i = 0; i < rule.when.size(); ++i) {
    const std::string place = At(at + ".when", i);
    TRY_VOID(CheckSource(rule.when[i], place, totals));
    TRY_VOID(CheckOperator(rule.when[i], place, totals));
  }
  return CheckSplit(rule.split, at + ".split");
}

Result<void> CheckSticky(const StickySpec& sticky, const std::string& at, Totals& totals) {
  const int sources = int{sticky.header.has_value()} + int{sticky.query.has_value()} +
                      int{sticky.cookie.has_value()} + int{sticky.body.has_value()};
  if (sources != 1) {
    return Fault("FIELD_REQUIRED", at,
                 "exactly one of header, query, cookie and body says where the key is, got " +
                     std::to_string(sources));
  }
  if (sticky.header) return CheckToken(*sticky.header, at + ".header");
  if (sticky.query) return CheckQueryName(*sticky.query, at + ".query");
  if (sticky.cookie) return CheckToken(*sticky.cookie, at + ".cookie");
  return CheckBody(*sticky.body, at + ".body", totals);
}

// Calls `visit(revision, place)` for each revision that is named.
template <class Visit>
void VisitRevisions(const TrafficSpec& traffic, Visit visit) {
  const auto split = [&](const std::vector<SplitPart>& parts, const std::string& at) {
    for (size_t i = 0; i < parts.size(); ++i) visit(parts[i].revision, At(at, i) + ".revision");
  };
  for (size_t i = 0; i < traffic.rules.size(); ++i) {
    const std::string at = At("rules", i);
    split(traffic.rules[i].split, at + ".split");
    const auto& shadow = traffic.rules[i].shadow;
    if (shadow) visit(shadow->revision, at + ".shadow.revision");
  }
  split(traffic.split, "split");
  if (traffic.shadow) visit(traffic.shadow->revision, "shadow.revision");
}

}  // namespace

Result<void> CheckTraffic(const TrafficSpec& traffic, const std::string& at) {
  Totals totals;
  std::set<std::string_view> names;
  for (size_t i = 0; i < traffic.rules.size(); ++i) {
    const std::string place = At(at + ".rules", i);
    if (!names.insert(traffic.rules[i].name).second) {
      return Fault("FIELD_RANGE", place + ".name",
                   "there is a rule " + Quoted(traffic.rules[i].name) + " before it");
    }
    TRY_VOID(CheckRule(traffic.rules[i], place, totals));
  }
  TRY_VOID(CheckSplit(traffic.split, at + ".split"));
  if (traffic.sticky) TRY_VOID(CheckSticky(*traffic.sticky, at + ".sticky", totals));
  const size_t named = NamedRevisions(traffic).size();
  if (named <= kMaxNamedRevisions) return {};
  return Fault("FIELD_RANGE", at,
               "at most " + std::to_string(kMaxNamedRevisions) + " different revisions, got " +
                   std::to_string(named));
}

std::set<int64_t> NamedRevisions(const TrafficSpec& traffic) {
  std::set<int64_t> named;
  VisitRevisions(traffic, [&](int64_t revision, const std::string&) { named.insert(revision); });
  return named;
}

std::string PlaceOf(const TrafficSpec& traffic, int64_t revision) {
  std::string place;
  VisitRevisions(traffic, [&](int64_t number, const std::string& at) {
    if (number == revision && place.empty()) place = at;
  });
  return place;
}

}  // namespace slipway::routing
