#include "routing/rules.h"

#include <algorithm>
#include <utility>

#include <re2/re2.h>

#include "base/format_check.h"

namespace slipway::routing {
namespace {

enum class Source : uint8_t { kHeader, kPath, kQuery, kBody };
enum class Operator : uint8_t { kExact, kPrefix, kRegex, kContains, kIn };

std::string LowerCase(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

RE2::Options RegexOptions() {
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(kRegexMemoryBytes);
  return options;
}

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

}  // namespace

struct Rules::Condition {
  Source source = Source::kPath;
  std::string name;
  BodyField field;
  Operator op = Operator::kExact;
  std::string text;
  std::vector<std::string> choices;  // sorted
  std::unique_ptr<RE2> regex;
  bool negated = false;

  Result<void> SetSource(const ConditionSpec& spec);
  Result<void> SetOperator(const ConditionSpec& spec);
  std::optional<std::string_view> ValueOf(RequestFacts& request) const;
  bool Holds(const std::optional<std::string_view>& value) const;
  bool Compare(std::string_view value) const;
};

Result<void> Rules::Condition::SetSource(const ConditionSpec& spec) {
  if (spec.header) {
    source = Source::kHeader;
    name = LowerCase(*spec.header);
  } else if (spec.query) {
    source = Source::kQuery;
    name = *spec.query;
  } else if (spec.body) {
    source = Source::kBody;
    TRY(parsed, BodyField::Parse(*spec.body));
    field = std::move(parsed);
  }
  return {};
}

Result<void> Rules::Condition::SetOperator(const ConditionSpec& spec) {
  negated = spec.not_;
  if (spec.exact) {
    op = Operator::kExact;
    text = *spec.exact;
  } else if (spec.prefix) {
    op = Operator::kPrefix;
    text = *spec.prefix;
  } else if (spec.contains) {
    op = Operator::kContains;
    text = *spec.contains;
  } else if (spec.regex) {
    op = Operator::kRegex;
    regex = std::make_unique<RE2>(*spec.regex, RegexOptions());
    if (!regex->ok()) return InvalidArgument("FIELD_FORMAT", "regex: " + regex->error());
    if (regex->ProgramSize() > kMaxRegexSteps) {
      return InvalidArgument(
          "FIELD_RANGE", "regex: it takes " + std::to_string(regex->ProgramSize()) + " steps, " +
                             std::to_string(kMaxRegexSteps) + " are allowed: repeat less in it");
    }
  } else {
    op = Operator::kIn;
    choices = spec.in;
    std::sort(choices.begin(), choices.end());
  }
  return {};
}

std::optional<std::string_view> Rules::Condition::ValueOf(RequestFacts& request) const {
  switch (source) {
    case Source::kHeader:
      return request.Header(name);
    case Source::kPath:
      return request.Path();
    case Source::kQuery:
      return request.Query(name);
    case Source::kBody:
      return request.Body(field);
  }
  return std::nullopt;
}

bool Rules::Condition::Compare(std::string_view value) const {
  switch (op) {
    case Operator::kExact:
      return value == text;
    case Operator::kPrefix:
      return value.starts_with(text);
    case Operator::kContains:
      return value.find(text) != std::string_view::npos;
    case Operator::kRegex:
      return value.size() <= kMaxRegexValueBytes && RE2::FullMatch(value, *regex);
    case Operator::kIn:
      return std::binary_search(choices.begin(), choices.end(), value);
  }
  return false;
}

bool Rules::Condition::Holds(const std::optional<std::string_view>& value) const {
  return (value.has_value() && Compare(*value)) != negated;
}

Rules::Rules() = default;
Rules::Rules(Rules&&) noexcept = default;
Rules& Rules::operator=(Rules&&) noexcept = default;
Rules::~Rules() = default;

Result<Rules> Rules::Compile(std::span<const RuleSpec> rules) {
  Rules out;
  for (size_t i = 0; i < rules.size(); ++i) {
    std::vector<Condition>& conditions = out.rules_.emplace_back();
    for (size_t j = 0; j < rules[i].when.size(); ++j) {
      Condition& condition = conditions.emplace_back();
      Result<void> made = condition.SetSource(rules[i].when[j]);
      if (made.has_value()) made = condition.SetOperator(rules[i].when[j]);
      if (made.has_value()) continue;
      return made.error().Prefixed("rules[" + std::to_string(i) + "].when[" + std::to_string(j) +
                                   "]: ");
    }
  }
  return out;
}

bool Rules::empty() const {
  return rules_.empty();
}

std::optional<size_t> Rules::Match(RequestFacts& request,
                                   std::vector<ConditionTrace>* trace) const {
  for (size_t i = 0; i < rules_.size(); ++i) {
    bool all = true;
    for (size_t j = 0; j < rules_[i].size() && (all || trace != nullptr); ++j) {
      const std::optional<std::string_view> value = rules_[i][j].ValueOf(request);
      const bool held = rules_[i][j].Holds(value);
      all = all && held;
      if (trace == nullptr) continue;
      trace->push_back({.rule = i, .condition = j, .value = std::nullopt, .held = held});
      if (value) trace->back().value.emplace(*value);
    }
    if (all) return i;
  }
  return std::nullopt;
}

KeySource::KeySource(const StickySpec& spec) {
  if (spec.header) {
    name_ = LowerCase(*spec.header);
  } else if (spec.query) {
    source_ = Source::kQuery;
    name_ = *spec.query;
  } else if (spec.cookie) {
    source_ = Source::kCookie;
    name_ = *spec.cookie;
  } else if (spec.body) {
    source_ = Source::kBody;
    if (auto field = BodyField::Parse(*spec.body)) field_ = *std::move(field);
  }
}

std::optional<std::string_view> KeySource::Of(RequestFacts& request) const {
  std::optional<std::string_view> key;
  switch (source_) {
    case Source::kHeader:
      key = request.Header(name_);
      break;
    case Source::kQuery:
      key = request.Query(name_);
      break;
    case Source::kCookie:
      if (const auto cookies = request.Header("cookie")) key = CookieIn(*cookies, name_);
      break;
    case Source::kBody:
      key = request.Body(field_);
      break;
  }
  if (key && key->empty()) key.reset();
  return key;
}

std::optional<std::string_view> CookieIn(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    const size_t end = header.find(';');
    const std::string_view pair = Trimmed(header.substr(0, end));
    header = end == std::string_view::npos ? std::string_view() : header.substr(end + 1);
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos || pair.substr(0, equals) != name) continue;
    std::string_view value = pair.substr(equals + 1);
    if (value.size() > 1 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    return value;
  }
  return std::nullopt;
}

std::string ConditionText(const ConditionSpec& condition) {
  std::string text = "path";
  if (condition.header) text = "header " + *condition.header;
  if (condition.query) text = "query " + *condition.query;
  if (condition.body) text = "body " + *condition.body;
  const bool negated = condition.not_;
  if (condition.exact) return text + (negated ? " is not " : " is ") + Quoted(*condition.exact);
  if (condition.prefix) {
    return text + (negated ? " does not begin with " : " begins with ") + Quoted(*condition.prefix);
  }
  if (condition.contains) {
    return text + (negated ? " does not contain " : " contains ") + Quoted(*condition.contains);
  }
  if (condition.regex) {
    return text + (negated ? " does not match " : " matches ") + Quoted(*condition.regex);
  }
  text += negated ? " is not one of " : " is one of ";
  for (size_t i = 0; i < condition.in.size(); ++i) {
    if (i > 0) text += ", ";
    text += Quoted(condition.in[i]);
  }
  return text;
}

}  // namespace slipway::routing
