#include "net/query.h"

#include <algorithm>
#include <charconv>

#include "base/format_check.h"
#include "base/nearest_word.h"
#include "net/http_message.h"

namespace slipway::net {
namespace {

// What does not decode is taken as it is: the router has refused it.
std::string DecodeQuery(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, '+', ' ');
  Result<std::string> decoded = PercentDecode(spaced);
  return decoded.has_value() ? std::move(decoded).value() : spaced;
}

Error ParameterError(std::string_view reason, const std::string& name, const std::string& words) {
  return InvalidArgument(reason, "query parameter " + Quoted(name) + ": " + words)
      .With("field", name);
}

Error UnknownParameter(const std::string& name, std::span<const QueryParameter> taken) {
  std::vector<std::string> names;
  std::string all;
  for (const QueryParameter& parameter : taken) {
    names.emplace_back(parameter.name);
    all += (all.empty() ? "" : ", ") + names.back();
  }
  const std::string nearest = NearestWord(name, names);
  return ParameterError("QUERY_UNKNOWN", name,
                        "no such parameter here; " +
                            (all.empty() ? "there are none" : "the parameters are " + all) +
                            (nearest.empty() ? "" : ": did you mean " + nearest + "?"));
}

// What a value of the kind looks like; nothing if this one does.
std::string_view ProblemOf(QueryParameter::Kind kind, std::string_view value) {
  switch (kind) {
    case QueryParameter::Kind::kText:
      return {};
    case QueryParameter::Kind::kNumber: {
      uint64_t number = 0;
      const char* end = value.data() + value.size();
      const auto [at, error] = std::from_chars(value.data(), end, number);
      const bool right = error == std::errc() && at == end;
      return right ? std::string_view() : "a whole number is wanted";
    }
    case QueryParameter::Kind::kFlag: {
      const bool right =
          value.empty() || value == "1" || value == "true" || value == "0" || value == "false";
      return right ? std::string_view() : "1 or 0, true or false is wanted";
    }
  }
  return {};
}

}  // namespace

std::vector<std::pair<std::string, std::string>> ParseQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    pairs.emplace_back(DecodeQuery(pair.substr(0, equals)), DecodeQuery(value));
  }
  return pairs;
}

Result<void> CheckQuery(std::string_view query, std::span<const QueryParameter> taken) {
  std::vector<bool> seen(taken.size());
  for (const auto& [name, value] : ParseQuery(query)) {
    const auto found = std::ranges::find(taken, std::string_view(name), &QueryParameter::name);
    if (found == taken.end()) return UnknownParameter(name, taken);
    const auto at = static_cast<size_t>(found - taken.begin());
    if (seen[at]) {
      return ParameterError("QUERY_REPEATED", name, "is there more than once; send one value");
    }
    seen[at] = true;
    const std::string_view problem = ProblemOf(found->kind, value);
    if (problem.empty()) continue;
    return ParameterError("QUERY_INVALID", name, std::string(problem) + ", got " + Quoted(value));
  }
  return {};
}

bool IsSet(const HttpRequest& request, std::string_view flag) {
  const std::optional<std::string> value = request.Query(flag);
  return value && *value != "0" && *value != "false";
}

}  // namespace slipway::net
