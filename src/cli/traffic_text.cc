#include "cli/traffic_text.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/resource_table.h"
#include "cli/text.h"
#include "routing/rules.h"

namespace slipway::cli {
namespace {

std::string Percent(int32_t weight) {
  return fmt::format("{:.4g} %", weight / 100.0);
}

const routing::SplitPart* PartOf(std::span<const routing::SplitPart> split, int64_t revision) {
  const auto found = std::find_if(split.begin(), split.end(), [revision](const auto& part) {
    return part.revision == revision;
  });
  return found == split.end() ? nullptr : &*found;
}

std::string RulesWith(const routing::TrafficSpec& traffic, int64_t revision) {
  std::string text;
  for (const routing::RuleSpec& rule : traffic.rules) {
    const routing::SplitPart* part = PartOf(rule.split, revision);
    if (part == nullptr) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", rule.name, Percent(part->weight));
  }
  return text.empty() ? "-" : text;
}

std::string ShadowWith(const routing::TrafficSpec& traffic, int64_t revision) {
  if (traffic.shadow && traffic.shadow->revision == revision) {
    return Percent(traffic.shadow->weight);
  }
  const bool is_rules = std::ranges::any_of(traffic.rules, [revision](const auto& rule) {
    return rule.shadow && rule.shadow->revision == revision;
  });
  return is_rules ? "of a rule" : "-";
}

std::string ShadowText(const routing::ShadowSpec& shadow) {
  return fmt::format("revision {} sees copies of {}", shadow.revision, Percent(shadow.weight));
}

std::string KeyText(const routing::StickySpec& sticky) {
  if (sticky.header) return "header " + *sticky.header;
  if (sticky.query) return "query " + *sticky.query;
  if (sticky.cookie) return "cookie " + *sticky.cookie;
  return "body " + sticky.body.value_or("");
}

std::string RuleText(const Json& rule) {
  std::string text = fmt::format("rule {}: {}\n", TextAt(rule, "/name"), TextAt(rule, "/verdict"));
  for (const Json& condition : At(rule, "/conditions")) {
    const bool has_value = At(condition, "/value").is_string();
    text += fmt::format(
        "  {} {}, {}\n", At(condition, "/held") == Json(true) ? "yes" : "no ",
        TextAt(condition, "/condition"),
        has_value ? "it is \"" + TextAt(condition, "/value") + "\"" : "it is not there");
  }
  return text;
}

}  // namespace

Table TrafficTable(const std::optional<routing::TrafficSpec>& traffic, const Json& revisions) {
  const routing::TrafficSpec spec = traffic.value_or(routing::TrafficSpec());
  int64_t newest = 0;
  for (const Json& revision : At(revisions, "/items")) {
    if (TextAt(revision, "/status/phase") != "Ready") continue;
    newest = std::max(newest, NumberAt(revision, "/spec/number"));
  }
  Table table({"REVISION", "MODEL", "PHASE", "SHARE", "RULES", "SHADOW"});
  for (const Json& revision : At(revisions, "/items")) {
    const int64_t number = NumberAt(revision, "/spec/number");
    const routing::SplitPart* part = PartOf(spec.split, number);
    std::string share = part != nullptr ? Percent(part->weight) : "-";
    if (spec.split.empty() && number == newest) share = "100 %";
    table.Add({std::to_string(number), ModelOf(revision), TextAt(revision, "/status/phase", "-"),
               share, RulesWith(spec, number), ShadowWith(spec, number)});
  }
  return table;
}

std::string SplitText(std::span<const routing::SplitPart> split) {
  std::string text;
  for (const routing::SplitPart& part : split) {
    text += fmt::format("{}revision {} gets {}", text.empty() ? "" : ", ", part.revision,
                        Percent(part.weight));
  }
  return text;
}

std::string TrafficText(const routing::TrafficSpec& traffic) {
  std::string text;
  for (const routing::RuleSpec& rule : traffic.rules) {
    text += fmt::format("rule {}: ", rule.name);
    for (size_t i = 0; i < rule.when.size(); ++i) {
      text += (i == 0 ? "" : ", and ") + routing::ConditionText(rule.when[i]);
    }
    text += ": " + SplitText(rule.split);
    if (rule.shadow) text += "; " + ShadowText(*rule.shadow);
    text += "\n";
  }
  if (traffic.sticky) text += "sticky: " + KeyText(*traffic.sticky) + "\n";
  if (traffic.shadow) text += "shadow: " + ShadowText(*traffic.shadow) + "\n";
  return Printable(text, /*keep_lines=*/true);
}

std::string ExplanationText(const Json& explanation) {
  std::string text;
  for (const Json& rule : At(explanation, "/rules")) text += RuleText(rule);
  for (const Json& share : At(explanation, "/shares")) {
    text += fmt::format("revision {}: {:.4g} %{}\n", NumberAt(share, "/revision"),
                        At(share, "/percent").is_number() ? share["percent"].get<double>() : 0,
                        At(share, "/ready") == Json(true) ? "" : ", not ready");
  }
  if (At(explanation, "/shadow").is_object()) {
    text += fmt::format("shadow: revision {}, {}{}\n", NumberAt(explanation, "/shadow/revision"),
                        Percent(static_cast<int32_t>(NumberAt(explanation, "/shadow/weight"))),
                        At(explanation, "/shadow/ready") == Json(true) ? "" : ", not ready");
  }
  const int64_t revision = NumberAt(explanation, "/revision");
  text += fmt::format("{}: {}\n",
                      revision > 0 ? fmt::format("revision {}", revision) : "no single revision",
                      TextAt(explanation, "/reason"));
  return Printable(text, /*keep_lines=*/true);
}

}  // namespace slipway::cli
