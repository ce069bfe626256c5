// The traffic of a service in words and rows.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/json.h"
#include "cli/output.h"
#include "routing/traffic_spec.h"

namespace slipway::cli {

// One row for each revision of the list answer: its model, its phase, its part of the default
// route, the rules and shadows that name it.
Table TrafficTable(const std::optional<routing::TrafficSpec>& traffic, const Json& revisions);

// "revision 3 gets 90 %, revision 4 gets 10 %"
std::string SplitText(std::span<const routing::SplitPart> split);

// Rules, sticky key and shadow, a line each; empty if there are none.
std::string TrafficText(const routing::TrafficSpec& traffic);

// An explanation as the server gives it, in lines.
std::string ExplanationText(const Json& explanation);

}  // namespace slipway::cli
