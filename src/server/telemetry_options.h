// The options by which `server` and `serve` say what an operator learns of single requests.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "gateway/telemetry/telemetry.h"

namespace CLI {
class App;
}

namespace slipway::server {

struct TelemetryFlags {
  std::string access_log;  // absolute, or "-"; empty: none
  std::string access_log_rate;
  bool sample_errors = false;
  std::string otlp_endpoint;
  std::string trace_ratio;
};

void DeclareTelemetryOptions(CLI::App& app, TelemetryFlags& flags);
// Makes the path absolute.
Result<void> CompleteTelemetry(TelemetryFlags& flags);
// With what the environment says of traces, checked: as far as can be, before anything is started.
// INVALID_ARGUMENT / USAGE, OTLP_SETTING; FAILED_PRECONDITION / ACCESS_LOG.
Result<gateway::TelemetryOptions> TelemetryOf(const TelemetryFlags& flags);
// The same flags for a serve that is started.
std::vector<std::string> ArgumentsOf(const TelemetryFlags& flags);

}  // namespace slipway::server
