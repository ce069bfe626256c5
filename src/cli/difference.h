// What an apply changes, for people.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace slipway::cli {

// One line for each leaf that differs: "spec.predictor.threads: 1 -> 2", "spec.access: anonymous
// (new)", "metadata.labels.team: vision (gone)". Lists are compared as a whole.
std::vector<std::string> Difference(const Json& before, const Json& after, const std::string& at);

}  // namespace slipway::cli
