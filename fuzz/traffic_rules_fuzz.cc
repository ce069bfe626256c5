// Traffic rules: every text is a traffic that compiles or an error with a field, and a condition
// and its negation never hold of the same request.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/json.h"
#include "routing/explanation.h"
#include "routing/json_body.h"
#include "routing/rules.h"
#include "routing/traffic_spec.h"

namespace {

namespace routing = slipway::routing;

// Every text of a request is what follows the rules in the input.
class Request final : public routing::RequestFacts {
 public:
  explicit Request(std::string_view text) : text_(text) {
    text_.reserve(text_.size() + routing::kJsonPadding);
    body_.Open(text_);
  }
  std::optional<std::string_view> Header(std::string_view) override { return text_; }
  std::optional<std::string_view> Path() override { return text_; }
  std::optional<std::string_view> Query(std::string_view) override { return std::nullopt; }
  std::optional<std::string_view> Body(const routing::BodyField& field) override {
    return body_.Find(field);
  }

 private:
  std::string text_;
  routing::JsonBody body_;
};

void CheckNegations(const routing::TrafficSpec& traffic, Request& request) {
  for (const routing::RuleSpec& rule : traffic.rules) {
    for (const routing::ConditionSpec& condition : rule.when) {
      routing::RuleSpec alone;
      alone.when = {condition};
      const auto plain = routing::Rules::Compile({&alone, 1});
      alone.when[0].not_ = !condition.not_;
      const auto negated = routing::Rules::Compile({&alone, 1});
      CHECK(plain.has_value() && negated.has_value());
      CHECK(plain->Match(request).has_value() != negated->Match(request).has_value());
    }
  }
}

void CheckDecision(const routing::TrafficSpec& traffic, Request& request) {
  const auto rules = routing::Rules::Compile(traffic.rules);
  CHECK(rules.has_value());
  const auto matched = rules->Match(request);
  const routing::Candidate candidates[] = {{.number = 1, .ready = true},
                                           {.number = 2, .ready = true}};
  const auto explained = routing::Explain(traffic, candidates, request, {});
  CHECK(explained.has_value());
  CHECK(explained->route == (matched ? traffic.rules[*matched].name : ""));
  CHECK(!explained->shares.empty() && !explained->reason.empty());
}

}  // namespace

// The text up to the first NUL is the traffic, what follows the request.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view text = input.substr(0, input.find('\0'));
  const auto json = slipway::ParseJson(text);
  if (json.has_error()) return 0;
  const auto traffic = slipway::Decode<routing::TrafficSpec>(*json, "spec.traffic");
  if (traffic.has_error()) return 0;
  const auto checked = routing::CheckTraffic(*traffic, "spec.traffic");
  if (checked.has_error()) {
    CHECK(checked.error().code() == slipway::Code::kInvalidArgument);
    CHECK(checked.error().detail("field").starts_with("spec.traffic"));
    return 0;
  }
  Request request(text.size() < input.size() ? input.substr(text.size() + 1) : "");
  CheckNegations(*traffic, request);
  CheckDecision(*traffic, request);
  return 0;
}
