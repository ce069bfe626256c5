#include "cli/difference.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace slipway::cli {
namespace {

std::string Word(const Json& value) {
  return value.is_string() ? value.get<std::string>() : DumpJson(value);
}

}  // namespace

std::vector<std::string> Difference(const Json& before, const Json& after, const std::string& at) {
  std::vector<std::string> lines;
  auto append = [&](std::vector<std::string> more) {
    lines.insert(lines.end(), more.begin(), more.end());
  };
  if (before == after) return lines;
  if ((before.is_object() || before.is_null()) && (after.is_object() || after.is_null()) &&
      !(before.is_null() && after.is_null())) {
    static const Json kNothing;
    for (const auto& [key, value] : before.items()) {
      append(Difference(value, after.contains(key) ? after[key] : kNothing, at + "." + key));
    }
    for (const auto& [key, value] : after.items()) {
      if (!before.contains(key)) append(Difference(kNothing, value, at + "." + key));
    }
    return lines;
  }
  if (before.is_null()) return {fmt::format("{}: {} (new)", at, Word(after))};
  if (after.is_null()) return {fmt::format("{}: {} (gone)", at, Word(before))};
  return {fmt::format("{}: {} -> {}", at, Word(before), Word(after))};
}

}  // namespace slipway::cli
