// OtlpSettings: where traces go, by the environment variables of OpenTelemetry's specification.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace slipway::gateway {

struct OtlpSettings {
  std::string url;  // of the spans: .../v1/traces
  std::vector<std::pair<std::string, std::string>> headers;
  std::string ca_file;  // empty: the system's authorities
  bool gzip = false;
  std::chrono::milliseconds timeout{3'000};  // of one attempt
  double ratio = 1;                          // of the traces that begin here, 0 to 1
  // What the caller's traceparent says counts before the ratio.
  bool follows_parent = true;
  std::vector<std::pair<std::string, std::string>> resource;
};

// A variable's value, empty where it is not set.
using ReadVariable = std::function<std::string(const char* name)>;

// `endpoint` and `ratio` are the command line's, and count before the environment; an endpoint gets
// /v1/traces behind it. Nothing where nobody names an endpoint, or OTEL_SDK_DISABLED is true, or
// OTEL_TRACES_EXPORTER is none. INVALID_ARGUMENT / OTLP_SETTING names the variable or option.
Result<std::optional<OtlpSettings>> ReadOtlpSettings(const std::string& endpoint,
                                                     std::optional<double> ratio,
                                                     const ReadVariable& read);
// Of this process.
std::string EnvironmentVariable(const char* name);

}  // namespace slipway::gateway
