// What differs between two documents, by the paths of their values.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace slipway::cli {

struct ValueChange {
  std::string path;  // "metrics.training.accuracy"
  Json before;       // null: it is new
  Json after;        // null: it is gone
};

// Objects are compared member by member. A list whose items have names, each another one, is
// compared by them: `metrics.training.accuracy` is the value of the item with that name; any other
// list as a whole. As deep as the documents are.
std::vector<ValueChange> ChangesBetween(const Json& before, const Json& after);

// {"path", "before"?, "after"?} each.
Json ToJson(const std::vector<ValueChange>& changes);

}  // namespace slipway::cli
