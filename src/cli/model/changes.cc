#include "cli/model/changes.h"

#include <set>

#include <nlohmann/json.hpp>

namespace slipway::cli {
namespace {

// {name, value} is the value; an item with more is all of it.
Json WithoutName(const Json& item) {
  if (item.size() == 2 && item.contains("value")) return item.at("value");
  Json rest = item;
  rest.erase("name");
  return rest;
}

// The items of a list by their names; the list itself if they are not all told apart by them.
Json ByName(const Json& list) {
  Json by_name = Json::object();
  for (const Json& item : list) {
    const bool has_name = item.is_object() && item.contains("name") && item.at("name").is_string();
    if (!has_name || by_name.contains(item.at("name").get<std::string>())) return list;
    by_name[item.at("name").get<std::string>()] = WithoutName(item);
  }
  return by_name.empty() ? list : by_name;
}

Json Comparable(const Json& value) {
  return value.is_array() ? ByName(value) : value;
}

bool IsObjectOrNothing(const Json& value) {
  return value.is_object() || value.is_null();
}

void Compare(const Json& from, const Json& to, const std::string& at,
             std::vector<ValueChange>& changes) {
  const Json before = Comparable(from);
  const Json after = Comparable(to);
  if (before == after) return;
  if (!IsObjectOrNothing(before) || !IsObjectOrNothing(after)) {
    changes.push_back({.path = at, .before = from, .after = to});
    return;
  }
  const Json nothing;
  const auto member = [&nothing](const Json& object, const std::string& name) -> const Json& {
    return object.is_object() && object.contains(name) ? object.at(name) : nothing;
  };
  std::set<std::string> names;
  for (const Json* side : {&before, &after}) {
    for (const auto& [name, value] : side->items()) names.insert(name);
  }
  for (const std::string& name : names) {
    Compare(member(before, name), member(after, name), at.empty() ? name : at + "." + name,
            changes);
  }
}

}  // namespace

std::vector<ValueChange> ChangesBetween(const Json& before, const Json& after) {
  std::vector<ValueChange> changes;
  Compare(before, after, "", changes);
  return changes;
}

Json ToJson(const std::vector<ValueChange>& changes) {
  Json list = Json::array();
  for (const ValueChange& change : changes) {
    Json item = {{"path", change.path}};
    if (!change.before.is_null()) item["before"] = change.before;
    if (!change.after.is_null()) item["after"] = change.after;
    list.push_back(std::move(item));
  }
  return list;
}

}  // namespace slipway::cli
