// TrafficSpec: which revisions of a service get which requests, as users write it.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/describe.h"
#include "routing/limits.h"

namespace slipway::routing {

// One revision's share of a split.
struct SplitPart {
  int64_t revision = 0;
  int32_t weight = kWholeWeight;
};
BOOST_DESCRIBE_STRUCT(SplitPart, (), (revision, weight))

// What one part of a request must be: one source, one operator.
struct ConditionSpec {
  std::optional<std::string> header;
  bool path = false;
  std::optional<std::string> query;
  std::optional<std::string> body;
  std::optional<std::string> exact;
  std::optional<std::string> prefix;
  std::optional<std::string> regex;
  std::optional<std::string> contains;
  std::vector<std::string> in;
  bool not_ = false;  // `not` is a word of the language
};
BOOST_DESCRIBE_STRUCT(ConditionSpec, (),
                      (header, path, query, body, exact, prefix, regex, contains, in, not_))

// Where a request has the key that keeps it at one revision.
struct StickySpec {
  std::optional<std::string> header;
  std::optional<std::string> query;
  std::optional<std::string> cookie;
  std::optional<std::string> body;
};
BOOST_DESCRIBE_STRUCT(StickySpec, (), (header, query, cookie, body))

// When two numbers of two answers are the same: |a - b| <= absolute + relative * |a|.
struct Tolerance {
  double absolute = 1e-6;
  double relative = 1e-4;
};
BOOST_DESCRIBE_STRUCT(Tolerance, (), (absolute, relative))

// A revision that gets copies of requests; its answers are compared and thrown away.
struct ShadowSpec {
  int64_t revision = 0;
  int32_t weight = kWholeWeight;
  Tolerance compare;
};
BOOST_DESCRIBE_STRUCT(ShadowSpec, (), (revision, weight, compare))

struct RuleSpec {
  std::string name;
  std::vector<ConditionSpec> when;
  std::vector<SplitPart> split;
  std::optional<ShadowSpec> shadow;
};
BOOST_DESCRIBE_STRUCT(RuleSpec, (), (name, when, split, shadow))

struct TrafficSpec {
  std::vector<RuleSpec> rules;
  std::vector<SplitPart> split;
  std::optional<StickySpec> sticky;
  std::optional<ShadowSpec> shadow;
};
BOOST_DESCRIBE_STRUCT(TrafficSpec, (), (rules, split, sticky, shadow))

// What the descriptions cannot say: one source and one operator in each condition, weights that add
// up, regular expressions that compile, fields of the body that can be looked up. INVALID_ARGUMENT
// / FIELD_RANGE, FIELD_FORMAT or FIELD_REQUIRED, with the path of the field below `at`.
Result<void> CheckTraffic(const TrafficSpec& traffic, const std::string& at);

// All that are named, with whatever weight: they stay loaded.
std::set<int64_t> NamedRevisions(const TrafficSpec& traffic);
// The path below the traffic of the first place that names the revision:
// "rules[1].split[0].revision".
std::string PlaceOf(const TrafficSpec& traffic, int64_t revision);

}  // namespace slipway::routing

template <>
struct slipway::Description<slipway::routing::SplitPart> {
  static constexpr std::string_view kText = "One revision's share of the requests.";
  static constexpr FieldText kFields[] = {
      {.name = "revision", .text = "Number of the revision.", .required = true, .min = 1},
      {.name = "weight",
       .text = "Share in parts of 10,000; those of a split add up to 10,000. With 0 the revision "
               "is loaded and gets nothing.",
       .min = 0,
       .max = slipway::routing::kWholeWeight},
  };
};

template <>
struct slipway::Description<slipway::routing::ConditionSpec> {
  static constexpr std::string_view kText =
      "One source (header, path, query or body) and one operator (exact, prefix, regex, contains "
      "or in). What a request does not have matches nothing.";
  static constexpr FieldText kFields[] = {
      {.name = "header",
       .text = "Name of a header, in any case; over gRPC of metadata. The first one counts.",
       .max = slipway::routing::kMaxNameBytes},
      {.name = "path", .text = "The path, percent-decoded; over gRPC that of the method."},
      {.name = "query",
       .text = "Name of a query parameter; over gRPC there are none. The first one counts.",
       .max = slipway::routing::kMaxNameBytes},
      {.name = "body",
       .text = "parameters.NAME, or a JSON pointer into the V2 request: a string, a number as it "
               "is written, true or false. Over gRPC parameters and /id alone.",
       .max = slipway::routing::kMaxBodyFieldBytes},
      {.name = "exact", .text = "It is this text.", .max = slipway::routing::kMaxPatternBytes},
      {.name = "prefix",
       .text = "It begins with this text.",
       .max = slipway::routing::kMaxPatternBytes},
      {.name = "regex",
       .text = "All of it matches this regular expression (RE2 syntax).",
       .max = slipway::routing::kMaxPatternBytes},
      {.name = "contains",
       .text = "This text is somewhere in it.",
       .max = slipway::routing::kMaxPatternBytes},
      {.name = "in", .text = "It is one of these texts.", .max = slipway::routing::kMaxChoices},
      {.name = "not_",
       .text = "The condition holds where it would not, also where there is nothing to compare."},
  };
};

template <>
struct slipway::Description<slipway::routing::StickySpec> {
  static constexpr std::string_view kText =
      "Where a request has its key, one of the four: requests with the same key reach the same "
      "revision of a split.";
  static constexpr FieldText kFields[] = {
      {.name = "header", .text = "Name of a header.", .max = slipway::routing::kMaxNameBytes},
      {.name = "query",
       .text = "Name of a query parameter.",
       .max = slipway::routing::kMaxNameBytes},
      {.name = "cookie", .text = "Name of a cookie.", .max = slipway::routing::kMaxNameBytes},
      {.name = "body",
       .text = "parameters.NAME, or a JSON pointer into the V2 request.",
       .max = slipway::routing::kMaxBodyFieldBytes},
  };
};

template <>
struct slipway::Description<slipway::routing::Tolerance> {
  static constexpr std::string_view kText =
      "When two numbers count as the same: |a - b| <= absolute + relative * |a|.";
  static constexpr FieldText kFields[] = {
      {.name = "absolute", .text = "Whatever the number is.", .min = 0},
      {.name = "relative", .text = "As a part of the number.", .min = 0},
  };
};

template <>
struct slipway::Description<slipway::routing::ShadowSpec> {
  static constexpr std::string_view kText =
      "A revision that gets copies of requests once they are answered; its answers are compared "
      "and thrown away.";
  static constexpr FieldText kFields[] = {
      {.name = "revision", .text = "Number of the revision.", .required = true, .min = 1},
      {.name = "weight",
       .text = "Part of the requests that are copied, of 10,000.",
       .min = 0,
       .max = slipway::routing::kWholeWeight},
      {.name = "compare", .text = "How far floating-point outputs may be apart."},
  };
};

template <>
struct slipway::Description<slipway::routing::RuleSpec> {
  static constexpr std::string_view kText = "Where requests go that meet all conditions.";
  static constexpr FieldText kFields[] = {
      {.name = "name",
       .text = "A name that explains it, of its own in the service.",
       .required = true,
       .format = "name"},
      {.name = "when",
       .text = "All of them must hold.",
       .required = true,
       .min = 1,
       .max = slipway::routing::kMaxConditions},
      {.name = "split",
       .text = "Which revisions these requests go to.",
       .required = true,
       .min = 1,
       .max = slipway::routing::kMaxShares},
      {.name = "shadow", .text = "In the place of the service's own shadow."},
  };
};

template <>
struct slipway::Description<slipway::routing::TrafficSpec> {
  static constexpr std::string_view kText =
      "Which revisions get which requests. The first rule that matches decides, then the split; "
      "without either the newest revision that is ready gets all.";
  static constexpr FieldText kFields[] = {
      {.name = "rules", .text = "Looked at in this order.", .max = slipway::routing::kMaxRules},
      {.name = "split",
       .text = "The default route. With one, a new revision gets nothing until it is named here.",
       .max = slipway::routing::kMaxShares},
      {.name = "sticky", .text = "Keeps requests with the same key at the same revision."},
      {.name = "shadow", .text = "Compares another revision on real requests."},
  };
};
