// RevisionFigures: what one revision has counted, under the names of GET /metrics.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/describe.h"

namespace slipway::runtime {

// A series is named as in /metrics, without the labels that say which revision it is about:
// `nv_inference_request_failure{reason="BACKEND"}`. Counters rise from 0 since `since_ms`.
struct RevisionFigures {
  std::string uid;
  int64_t since_ms = 0;   // when counting began, ms since 1970: another one, and all began anew
  uint64_t requests = 0;  // answered, well or not, but for those whose client left
  uint64_t failures = 0;  // of the requests
  std::map<std::string, double> counters;
  std::map<std::string, double> gauges;
  // Counts of the buckets of base/metrics.h, without empty ones at the end.
  std::map<std::string, std::vector<uint64_t>> histograms;
};
BOOST_DESCRIBE_STRUCT(RevisionFigures, (),
                      (uid, since_ms, requests, failures, counters, gauges, histograms))

}  // namespace slipway::runtime

template <>
struct slipway::Description<slipway::runtime::RevisionFigures> {
  static constexpr std::string_view kText = "What one revision has counted.";
  static constexpr FieldText kFields[] = {
      {.name = "uid", .text = "Uid of the Revision.", .max = 64},
      {.name = "since_ms", .text = "When counting began, ms since 1970."},
      {.name = "requests", .text = "Requests answered, well or not."},
      {.name = "failures", .text = "Those of them that failed."},
      {.name = "counters", .text = "Counters by name.", .max = 1000},
      {.name = "gauges", .text = "Gauges by name.", .max = 1000},
      {.name = "histograms", .text = "Counts of buckets by name.", .max = 100},
  };
};
