// Samples: what a data plane's /metrics says of its revisions, and what happened between two looks.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace slipway::cli {

struct RevisionName {
  std::string project;
  std::string service;
  std::string revision;
  auto operator<=>(const RevisionName&) const = default;
};

// Counters since the revision was loaded, and gauges.
struct RevisionSample {
  double success = 0;
  double failures = 0;
  double inferences = 0;
  double executions = 0;
  double execution_us = 0;
  double queue_us = 0;
  double waiting = 0;
  double pending = 0;
  double memory_bytes = 0;
  std::map<double, double> latency;  // requests that took at most so many seconds
};
using Samples = std::map<RevisionName, RevisionSample>;

// Of Prometheus text. What is no sample of a revision, or no sample at all, is passed over.
Samples ReadSamples(std::string_view text);

// One row of `top`. Nothing where there was nothing to measure.
struct TopRow {
  RevisionName name;
  double rate = 0;          // answered requests a second
  double failure_rate = 0;  // the others
  std::optional<double> p50_s;
  std::optional<double> p99_s;
  std::optional<double> wait_s;  // for the run, mean
  double waiting = 0;
  double running = 0;
  std::optional<double> batch;  // inferences in one run, mean
  double busy = 0;              // time in runs for each second
  double memory_bytes = 0;
};

// What happened in `elapsed` between both. A revision that was loaded anew meanwhile began at 0.
std::vector<TopRow> RowsBetween(const Samples& before, const Samples& after,
                                std::chrono::duration<double> elapsed);
Json JsonOf(const std::vector<TopRow>& rows);

}  // namespace slipway::cli
